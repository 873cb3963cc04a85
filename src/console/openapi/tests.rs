use super::{description, schemas};
use crate::table::{ENDPOINTS, PARAMETERS};
use serde_json::Value;

/// Every `$ref` in a value.
fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(target) if name == "$ref" => found.push(target),
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_description_has_every_endpoint_and_parameter() {
    let description = description();
    let paths = description["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), ENDPOINTS.len());
    for endpoint in ENDPOINTS {
        let operation = &paths[&format!("/{}", endpoint.path)]["get"];
        assert!(operation["summary"].is_string() && operation["responses"]["200"].is_object());
        let names: Vec<&str> = operation["parameters"]
            .as_array()
            .expect("parameters")
            .iter()
            .map(|it| it["name"].as_str().expect("a name"))
            .collect();
        let in_path = endpoint.path.matches('{').count();
        let accepted = PARAMETERS.iter().filter(|it| endpoint.accepts.contains(&it.group));
        assert_eq!(names.len(), in_path + accepted.count(), "{names:?}");
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    let (description, schemas) = (description(), schemas());
    let schemas = schemas.as_object().expect("schemas");
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(found.len() > 30);
    for target in &found {
        let name = target.strip_prefix("#/components/schemas/").expect("one of ours");
        assert!(schemas.contains_key(name), "{name}");
    }
    for name in schemas.keys() {
        let target = format!("#/components/schemas/{name}");
        assert!(found.contains(&target.as_str()), "{name} is used nowhere");
    }
}

#[test]
fn names_of_operations_are_unique() {
    let description = description();
    let paths = description["paths"].as_object().expect("paths");
    let mut names: Vec<&str> =
        paths.values().map(|it| it["get"]["operationId"].as_str().expect("a name")).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ENDPOINTS.len());
}
