//! Who may do what: the identity a request carries.
