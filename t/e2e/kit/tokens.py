"""Signed tokens for users who do not exist, and the keys to check them with."""

import base64
import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://idp.example.com"
AUDIENCE = "crm"


class Issuer:
    """An RSA key, its key set and PEM on disk, and tokens signed with it."""

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = self._key.public_key()
        numbers = public.public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": _text(numbers.n), "e": _text(numbers.e)}
        self.key_set = folder / "idp.jwks"
        self.key_set.write_text(json.dumps({"keys": [key]}))
        self.pem = folder / "idp.pem"
        self.pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def token(self, email: str, roles: list[str], **claims: object) -> str:
        """A token that is good for an hour."""
        now = int(time.time())
        body = {"iss": ISSUER, "aud": AUDIENCE, "sub": email.split("@")[0], "email": email, "roles": roles}
        body |= {"tenant": "acme", "iat": now, "exp": now + 3600} | claims
        return jwt.encode(body, self._key, "RS256", {"kid": "one"})


def _text(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
