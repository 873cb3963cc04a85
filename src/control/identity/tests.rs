//! Tokens of every algorithm, and of every way in which they can be wrong.

mod sample_keys;

use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use sample_keys::{
    ED25519, ED25519_CERTIFICATE, ED25519_PEM, P256, P256_CERTIFICATE, P256_PEM, P384, P384_PEM,
    RSA, RSA_1024_PEM, RSA_CERTIFICATE, RSA_PEM, RSA_PKCS1_PEM,
};
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;
const SECRET: &[u8] = b"a secret of the tests, 256 bits!";
const ALGORITHMS: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

fn signing_key(algorithm: Algorithm) -> EncodingKey {
    let der = |text| STANDARD.decode(text).unwrap();
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => EncodingKey::from_secret(SECRET),
        Algorithm::ES256 => EncodingKey::from_ec_der(&der(P256)),
        Algorithm::ES384 => EncodingKey::from_ec_der(&der(P384)),
        Algorithm::EdDSA => EncodingKey::from_ed_der(&der(ED25519)),
        _ => EncodingKey::from_rsa_der(&der(RSA)),
    }
}

fn signed_with(algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, &signing_key(algorithm)).unwrap()
}

fn signed(algorithm: Algorithm, claims: &Value) -> String {
    signed_with(algorithm, None, claims)
}

/// The public key, with what is to be changed in it.
fn jwk(algorithm: Algorithm, changes: &Value) -> Value {
    let key = Jwk::from_encoding_key(&signing_key(algorithm), algorithm).unwrap();
    let mut jwk = serde_json::to_value(key).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

fn key_set(jwks: &[Value]) -> Result<KeySet, KeyError> {
    KeySet::from_bytes(json!({ "keys": jwks }).to_string().as_bytes())
}

fn keys_for(algorithm: Algorithm) -> KeySet {
    key_set(&[jwk(algorithm, &json!({}))]).unwrap()
}

fn verified(token: &str, keys: &KeySet) -> Result<Claims, TokenError> {
    verify(token, keys, &Requirements::default(), NOW)
}

/// A token with any header and payload, and a signature that is none.
fn unsigned(header: &str, payload: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", encode(header), encode(payload), encode("signature"))
}

#[test]
fn every_algorithm_verifies_with_its_key_and_no_other() {
    let claims = json!({"sub": "alice", "exp": NOW + 60});
    for signer in ALGORITHMS {
        let token = signed(signer, &claims);
        for verifier in ALGORITHMS {
            let result = verified(&token, &keys_for(verifier));
            match result {
                Ok(claims) => assert!(signer == verifier && claims.text("sub").unwrap() == "alice"),
                Err(error) => {
                    assert_eq!(error, TokenError::Algorithm, "{signer:?} {verifier:?}");
                    assert_ne!(signer, verifier);
                }
            }
        }
    }
}

#[test]
fn a_key_without_an_algorithm_serves_those_of_its_kind() {
    let claims = json!({"sub": "alice"});
    for algorithm in ALGORITHMS {
        let keys = key_set(&[jwk(algorithm, &json!({"alg": null}))]).unwrap();
        for signer in ALGORITHMS {
            let is_same_kind = algorithm.family() == signer.family()
                && (algorithm.family() != jsonwebtoken::AlgorithmFamily::Ec || algorithm == signer);
            assert_eq!(verified(&signed(signer, &claims), &keys).is_ok(), is_same_kind);
        }
    }
}

#[test]
fn pem_keys_and_certificates_verify() {
    for (pem, algorithm) in [
        (RSA_PEM, Algorithm::RS256),
        (RSA_PEM, Algorithm::PS512),
        (RSA_PKCS1_PEM, Algorithm::RS384),
        (RSA_CERTIFICATE, Algorithm::RS256),
        (P256_PEM, Algorithm::ES256),
        (P256_CERTIFICATE, Algorithm::ES256),
        (P384_PEM, Algorithm::ES384),
        (ED25519_PEM, Algorithm::EdDSA),
        (ED25519_CERTIFICATE, Algorithm::EdDSA),
    ] {
        let keys = KeySet::from_bytes(pem.as_bytes()).unwrap();
        assert_eq!(keys.len(), 1);
        let token = signed_with(algorithm, Some("any"), &json!({}));
        assert_eq!(verified(&token, &keys).map(|_| ()), Ok(()), "{algorithm:?} {pem}");
    }
    let all = ["# our keys\n", RSA_PEM, P256_PEM, "\r\n", ED25519_PEM].concat();
    let keys = KeySet::from_bytes(all.as_bytes()).unwrap();
    assert_eq!(keys.len(), 3);
    assert!(verified(&signed(Algorithm::EdDSA, &json!({})), &keys).is_ok());
    assert!(verified(&signed(Algorithm::RS256, &json!({})), &keys).is_ok());
}

#[test]
fn key_files_that_cannot_be_used_say_why() {
    let private = RSA_PEM.replace("PUBLIC", "PRIVATE");
    let broken = RSA_PEM.replace("MIIB", "MIIC");
    for (file, error) in [
        ("", KeyError::Malformed),
        ("secret", KeyError::Malformed),
        ("{", KeyError::Malformed),
        ("{}", KeyError::Malformed),
        (r#"{"keys":7}"#, KeyError::Malformed),
        (r#"{"keys":[]}"#, KeyError::NoUsableKey),
        (r#"{"keys":[7,{"kty":"RSA"},{"kty":"oct","k":""}]}"#, KeyError::NoUsableKey),
        (RSA_1024_PEM, KeyError::Unsupported),
        (&private, KeyError::Private),
        (&broken, KeyError::Unsupported),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", KeyError::Unsupported),
        (&" ".repeat(KEY_FILE_BYTES_MAX + 1), KeyError::TooLong),
        (&RSA_PEM.repeat(300), KeyError::TooMany),
    ] {
        assert_eq!(KeySet::from_bytes(file.as_bytes()).map(|_| ()), Err(error), "{file:.60}");
    }
    assert_eq!(KeySet::from_bytes(b"\xff\xfe").map(|_| ()), Err(KeyError::Malformed));
    let many = vec![jwk(Algorithm::HS256, &json!({})); 257];
    assert_eq!(key_set(&many).map(|_| ()), Err(KeyError::TooMany));
}

#[test]
fn keys_for_other_purposes_are_ignored_and_counted() {
    let keys = key_set(&[
        jwk(Algorithm::RS256, &json!({"use": "enc"})),
        jwk(Algorithm::RS256, &json!({"key_ops": ["sign"]})),
        jwk(Algorithm::RS256, &json!({"alg": "RSA-OAEP"})),
        jwk(Algorithm::RS256, &json!({"e": "AQ"})),
        jwk(Algorithm::ES256, &json!({"crv": "P-521"})),
        jwk(Algorithm::ES256, &json!({"y": jwk(Algorithm::ES256, &json!({}))["x"]})),
        jwk(Algorithm::ES256, &json!({"alg": "HS256"})),
        jwk(Algorithm::EdDSA, &json!({"kty": "unknown"})),
        jwk(Algorithm::ES256, &json!({"use": "sig", "key_ops": ["verify"]})),
    ])
    .unwrap();
    assert_eq!((keys.len(), keys.ignored()), (1, 8));
    assert!(verified(&signed(Algorithm::ES256, &json!({})), &keys).is_ok());
}

#[test]
fn a_single_jwk_and_the_new_name_of_eddsa_are_read() {
    let key = jwk(Algorithm::EdDSA, &json!({"alg": "Ed25519"}));
    let keys = KeySet::from_bytes(format!("\u{feff}\n{key}").as_bytes()).unwrap();
    assert!(verified(&signed(Algorithm::EdDSA, &json!({})), &keys).is_ok());
}

#[test]
fn the_token_names_its_key() {
    let other = json!({"kid": "b", "k": URL_SAFE_NO_PAD.encode("another secret")});
    let named = |kid: &str| jwk(Algorithm::HS256, &json!({"kid": kid}));
    let token = |kid| signed_with(Algorithm::HS256, kid, &json!({}));
    let keys = key_set(&[jwk(Algorithm::HS256, &other), named("a")]).unwrap();
    assert!(verified(&token(Some("a")), &keys).is_ok());
    assert!(verified(&token(None), &keys).is_ok(), "without a name every key is tried");
    assert_eq!(verified(&token(Some("b")), &keys), Err(TokenError::Signature));
    assert_eq!(verified(&token(Some("c")), &keys), Err(TokenError::UnknownKey));
    let keys =
        key_set(&[jwk(Algorithm::HS256, &other), jwk(Algorithm::HS256, &json!({}))]).unwrap();
    assert!(verified(&token(Some("c")), &keys).is_ok(), "a key without a name is tried");
}

#[test]
fn a_changed_token_has_the_wrong_signature() {
    for algorithm in ALGORITHMS {
        let keys = keys_for(algorithm);
        let token = signed(algorithm, &json!({"sub": "alice"}));
        let forged = signed(algorithm, &json!({"sub": "mallory"}));
        let (message, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = forged.rsplit_once('.').unwrap();
        let mixed = format!("{message}.{signature}");
        assert_eq!(verified(&mixed, &keys), Err(TokenError::Signature));
        assert_eq!(verified(&format!("{message}."), &keys), Err(TokenError::Signature));
        assert_eq!(verified(&format!("{token}!"), &keys), Err(TokenError::Signature));
    }
}

#[test]
fn the_token_cannot_choose_its_algorithm() {
    let rsa = KeySet::from_bytes(RSA_PEM.as_bytes()).unwrap();
    let claims = json!({"sub": "mallory"});
    for secret in [RSA_PEM.as_bytes(), RSA_PEM.trim().as_bytes(), b""] {
        let key = EncodingKey::from_secret(secret);
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        assert_eq!(verified(&token, &rsa), Err(TokenError::Algorithm));
    }
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":null}"#,
        r#"{"alg":"RS999"}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"RS256","alg":"none"}"#,
    ] {
        let token = unsigned(header, "{}");
        assert_eq!(verified(&token, &rsa), Err(TokenError::Algorithm), "{header}");
        let (message, _) = token.rsplit_once('.').unwrap();
        assert_eq!(verified(&format!("{message}."), &rsa), Err(TokenError::Algorithm));
    }
}

#[test]
fn an_extension_that_must_be_understood_is_not() {
    let header = r#"{"alg":"RS256","crit":["b64"],"b64":false}"#;
    let keys = KeySet::from_bytes(RSA_PEM.as_bytes()).unwrap();
    assert_eq!(verified(&unsigned(header, "{}"), &keys), Err(TokenError::Critical));
}

#[test]
fn times_are_compared_with_the_given_time_and_leeway() {
    let keys = keys_for(Algorithm::HS256);
    let at = |claims: Value, leeway_secs| {
        let requirements = Requirements { leeway_secs, ..Requirements::default() };
        let token = signed(Algorithm::HS256, &claims);
        verify(&token, &keys, &requirements, NOW).map(|claims| claims.expires_at())
    };
    assert_eq!(at(json!({}), 0), Ok(None));
    assert_eq!(at(json!({"exp": NOW + 1}), 0), Ok(Some(NOW + 1)));
    assert_eq!(at(json!({"exp": NOW}), 0), Err(TokenError::Expired));
    assert_eq!(at(json!({"exp": NOW - 59}), 60), Ok(Some(NOW - 59)));
    assert_eq!(at(json!({"exp": NOW - 60}), 60), Err(TokenError::Expired));
    assert_eq!(at(json!({"nbf": NOW}), 0), Ok(None));
    assert_eq!(at(json!({"nbf": NOW + 1}), 0), Err(TokenError::NotYetValid));
    assert_eq!(at(json!({"nbf": NOW + 60}), 60), Ok(None));
    assert_eq!(at(json!({"nbf": NOW + 61}), 60), Err(TokenError::NotYetValid));
    assert_eq!(at(json!({"exp": NOW as f64 + 0.5}), 0), Err(TokenError::Expired));
    assert_eq!(at(json!({"iat": NOW + 1000, "nbf": NOW as f64 - 0.5}), 0), Ok(None));
    assert_eq!(at(json!({"exp": NOW, "nbf": NOW}), u64::MAX), Ok(Some(NOW)));
}

#[test]
fn times_out_of_range_or_of_another_type_do_not_confuse() {
    let keys = keys_for(Algorithm::HS256);
    let of = |exp: &str| verified(&unsigned(r#"{"alg":"HS256"}"#, exp), &keys).unwrap_err();
    for (payload, error) in [
        (r#"{"exp":18446744073709551615}"#, TokenError::Signature),
        (r#"{"exp":99999999999999999999999}"#, TokenError::Signature),
        (r#"{"exp":1e308}"#, TokenError::Signature),
        (r#"{"exp":-1e308}"#, TokenError::Expired),
        (r#"{"exp":-9223372036854775808}"#, TokenError::Expired),
        (r#"{"nbf":1e308}"#, TokenError::NotYetValid),
        (r#"{"exp":1e400}"#, TokenError::Malformed),
        (r#"{"exp":"1900000000"}"#, TokenError::BadTime),
        (r#"{"exp":null}"#, TokenError::BadTime),
        (r#"{"nbf":[1]}"#, TokenError::BadTime),
        (r#"{"exp":1900000000,"exp":1}"#, TokenError::Expired),
    ] {
        assert_eq!(of(payload), error, "{payload}");
    }
}

#[test]
fn issuer_and_audience_are_required_where_asked_for() {
    let keys = keys_for(Algorithm::HS256);
    let with = |claims: Value, iss: Option<&str>, aud: Option<&str>| {
        let requirements = Requirements {
            iss: iss.map(str::to_owned),
            aud: aud.map(str::to_owned),
            ..Requirements::default()
        };
        verify(&signed(Algorithm::HS256, &claims), &keys, &requirements, NOW).map(|_| ())
    };
    assert_eq!(with(json!({"iss": "i", "aud": "a"}), Some("i"), Some("a")), Ok(()));
    assert_eq!(with(json!({"aud": ["b", "a"]}), None, Some("a")), Ok(()));
    assert_eq!(with(json!({"iss": "j", "aud": "b"}), None, None), Ok(()));
    assert_eq!(with(json!({"iss": "j"}), Some("i"), None), Err(TokenError::Issuer));
    assert_eq!(with(json!({"iss": ["i"]}), Some("i"), None), Err(TokenError::Issuer));
    assert_eq!(with(json!({}), Some("i"), None), Err(TokenError::Issuer));
    assert_eq!(with(json!({}), None, Some("a")), Err(TokenError::Audience));
    assert_eq!(with(json!({"aud": ["b"]}), None, Some("a")), Err(TokenError::Audience));
    assert_eq!(with(json!({"aud": {"a": 1}}), None, Some("a")), Err(TokenError::Audience));
}

#[test]
fn what_is_no_token_is_refused() {
    let keys = keys_for(Algorithm::HS256);
    let good = unsigned(r#"{"alg":"HS256"}"#, "{}");
    let long = format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX));
    let five = format!("{good}.AAAA.BBBB");
    for (token, error) in [
        ("", TokenError::Empty),
        (long.as_str(), TokenError::TooLong),
        (five.as_str(), TokenError::NotSigned),
        ("....", TokenError::NotSigned),
        ("a", TokenError::Malformed),
        ("..", TokenError::Malformed),
        ("...", TokenError::Malformed),
        (".....", TokenError::Malformed),
        ("é.é.é", TokenError::Malformed),
        (&format!("{good}.AAAA"), TokenError::Malformed),
        (&unsigned("[]", "{}"), TokenError::Malformed),
        (&unsigned(r#"{"alg":"HS256"}"#, "[]"), TokenError::Malformed),
        (&unsigned(r#"{"alg":"HS256"}"#, "7"), TokenError::Malformed),
        (&unsigned(r#"{"alg":"HS256"}"#, "{} {}"), TokenError::Malformed),
        (&unsigned(r#"{"alg":"HS256"}"#, &"[".repeat(10_000)), TokenError::Malformed),
        (&good.replace('.', " ."), TokenError::Malformed),
    ] {
        assert_eq!(verified(token, &keys), Err(error), "{token:.60}");
        assert_eq!(decode_unverified(token).map(|_| ()), Err(error), "{token:.60}");
    }
    let longest = unsigned(r#"{"alg":"HS256"}"#, &json!({"a": "x".repeat(49_000)}).to_string());
    assert!(longest.len() <= TOKEN_BYTES_MAX);
    assert_eq!(verified(&longest, &keys), Err(TokenError::Signature));
}

#[test]
fn claims_are_text_numbers_or_json() {
    let claims = decode_unverified(&unsigned(
        r#"{"alg":"none"}"#,
        r#"{"sub":"alice","n":7,"big":12345678901234567890123,"t":true,"null":null,
            "roles":["a","b"],"realm_access":{"roles":["c"]},"a/b":1}"#,
    ))
    .unwrap();
    let text = |name| claims.text(name).unwrap();
    assert_eq!((text("sub"), text("n"), text("t")), ("alice".into(), "7".into(), "true".into()));
    assert_eq!(text("roles"), r#"["a","b"]"#);
    assert_eq!(text("realm_access"), r#"{"roles":["c"]}"#);
    assert_eq!((claims.text("null"), claims.text("none")), (None, None));
    assert_eq!(claims.pointer_text("/realm_access/roles/0").unwrap(), "c");
    assert_eq!(claims.pointer("/a~1b"), Some(&json!(1)));
    assert_eq!(claims.pointer("/roles/9"), None);
    assert!(claims.text("big").is_some());
}

#[test]
fn a_judged_token_is_remembered_for_its_scope_and_its_time() {
    let keys = keys_for(Algorithm::HS256);
    let others = key_set(&[jwk(Algorithm::HS256, &json!({"k": "AAAA"}))]).unwrap();
    let token = signed(Algorithm::HS256, &json!({"sub": "alice", "exp": NOW + 10}));
    let anything = Requirements::default();
    let mut cache = TokenCache::new(16);
    assert!(cache.verify(&token, 1, &keys, &anything, NOW).is_ok());
    assert_eq!(cache.len(), 1);
    // Keys are not asked again, so that these do not matter.
    assert!(cache.verify(&token, 1, &others, &anything, NOW).is_ok());
    assert_eq!(cache.verify(&token, 2, &others, &anything, NOW), Err(TokenError::Signature));
    assert_eq!(cache.verify(&token, 2, &keys, &anything, NOW), Err(TokenError::Signature));
    let expired = cache.verify(&token, 1, &keys, &anything, NOW + 10);
    assert_eq!(expired, Err(TokenError::Expired));
    assert!(cache.verify(&token, 1, &others, &anything, NOW + 9).is_ok(), "the clock went back");
}

#[test]
fn the_cache_is_bounded_and_forged_tokens_push_out_no_valid_ones() {
    let keys = keys_for(Algorithm::HS256);
    let anything = Requirements::default();
    let mut cache = TokenCache::new(16);
    let token = |n: i32| signed(Algorithm::HS256, &json!({ "n": n }));
    for n in 0..40 {
        assert!(cache.verify(&token(n), 1, &keys, &anything, NOW).is_ok());
    }
    assert_eq!(cache.len(), 16);
    for n in 0..40 {
        let forged = unsigned(r#"{"alg":"HS256"}"#, &json!({ "n": n }).to_string());
        assert_eq!(cache.verify(&forged, 1, &keys, &anything, NOW), Err(TokenError::Signature));
    }
    assert_eq!(cache.len(), 16 + 2);
    let others = key_set(&[jwk(Algorithm::HS256, &json!({"k": "AAAA"}))]).unwrap();
    for n in 24..40 {
        assert!(
            cache.verify(&token(n), 1, &others, &anything, NOW).is_ok(),
            "the last 16 are kept"
        );
    }
    let long = signed(Algorithm::HS256, &json!({"a": "x".repeat(10_000)}));
    assert!(cache.verify(&long, 1, &keys, &anything, NOW).is_ok());
    assert_eq!(cache.len(), 16 + 2, "long tokens are not kept");
    assert!(TokenCache::new(0).verify(&token(0), 1, &keys, &anything, NOW).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200),
                              text in "[A-Za-z0-9_.-]{0,80}") {
        let _ = KeySet::from_bytes(&bytes);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
                          STANDARD.encode(&bytes));
        let _ = KeySet::from_bytes(pem.as_bytes());
        let _ = KeySet::from_bytes(pem.replace("PUBLIC KEY", "CERTIFICATE").as_bytes());
        let keys = keys_for(Algorithm::ES256);
        let _ = verified(&text, &keys);
        let _ = verified(&String::from_utf8_lossy(&bytes), &keys);
        let signature = format!("{}.{}", unsigned(r#"{"alg":"ES256"}"#, "{}").rsplit_once('.').unwrap().0, text);
        prop_assert!(verified(&signature, &keys).is_err());
    }

    #[test]
    fn a_key_file_with_changed_bytes_does_not_make_it_panic(
        at in 0usize..400, byte in any::<u8>(), which in 0usize..4
    ) {
        let pem = [RSA_PEM, P256_PEM, ED25519_CERTIFICATE, RSA_CERTIFICATE][which];
        let mut bytes = pem.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(keys) = KeySet::from_bytes(&bytes) {
            for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
                let _ = verified(&signed(algorithm, &json!({})), &keys);
            }
        }
    }
}
