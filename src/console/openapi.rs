//! The API's description, made from the tables that requests are read by.

use crate::table::{ENDPOINTS, Endpoint, Gives, parameters};
use serde_json::{Map, Value, json};

/// Schemas of what is answered; a test holds them against what the code writes.
const SCHEMAS: &str = include_str!("schemas.json");

/// OpenAPI 3.1.
pub(crate) fn description() -> Value {
    let paths: Map<String, Value> = ENDPOINTS
        .iter()
        .map(|it| (format!("/{}", it.path), json!({"get": operation(it)})))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MCP Sessions for NGINX",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Read only. Addresses are relative to the console's location. Several \
                values of one filter: any of them. Different filters: all of them; those on calls \
                must hold on one and the same call.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

fn schemas() -> Value {
    // A test parses it.
    serde_json::from_str(SCHEMAS).unwrap_or_default()
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut all: Vec<Value> = endpoint.path.split('/').filter_map(in_path).collect();
    all.extend(parameters(endpoint.accepts).map(|it| {
        json!({
            "name": it.name, "in": "query", "description": it.what, "schema": it.schema(),
            "explode": true,
        })
    }));
    let problem = json!({
        "description": "why not",
        "content": {"application/problem+json": {"schema": {"$ref": reference("Problem")}}},
    });
    json!({
        "summary": endpoint.what,
        "operationId": endpoint.path.replace(['/', '.'], "_").replace(['{', '}'], ""),
        "parameters": all,
        "responses": {
            "200": {"description": "the answer", "content": content(endpoint)},
            "default": problem,
        },
    })
}

fn in_path(segment: &str) -> Option<Value> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

fn content(endpoint: &Endpoint) -> Value {
    match endpoint.gives {
        Gives::One(name) => json!({"application/json": {"schema": {"$ref": reference(name)}}}),
        Gives::List(name) => {
            let list = json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": {"type": "array", "items": {"$ref": reference(name)}},
                    "next": {"type": ["string", "null"]},
                    "warnings": {"type": "array", "items": {"$ref": reference("Warning")}},
                },
            });
            let mut content = json!({"application/json": {"schema": list}});
            if endpoint.accepts.contains(&crate::table::Accepts::Format)
                && let Some(content) = content.as_object_mut()
            {
                content.insert("text/csv".to_owned(), json!({"schema": {"type": "string"}}));
                let lines = json!({"schema": {"$ref": reference(name)}});
                content.insert("application/x-ndjson".to_owned(), lines);
            }
            content
        }
        Gives::Events => json!({"text/event-stream": {"schema": {"type": "string"}}}),
        Gives::Description => json!({"application/json": {"schema": {"type": "object"}}}),
    }
}

#[cfg(test)]
mod tests;
