//! What every action of the document has and no action says itself: its role, the common errors, the repeat key.

use serde_json::json;
use ukai_store::KeyRole;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Type};

/// The name of the security scheme of keys.
const SCHEME: &str = "key";
/// The same of workers' tokens.
const WORKER_SCHEME: &str = "workerToken";
/// The role of whoever shows one.
const WORKER: &str = "worker";

/// Completes the actions of one role.
pub(super) fn of_role(document: &mut OpenApi, role: KeyRole) {
    complete(document, role.as_str(), SCHEME, role != KeyRole::Viewer);
}

/// Completes the actions of workers.
pub(super) fn of_workers(document: &mut OpenApi) {
    complete(document, WORKER, WORKER_SCHEME, true);
}

fn complete(document: &mut OpenApi, role: &str, scheme: &str, writes: bool) {
    for item in document.paths.paths.values_mut() {
        let posts = item.post.is_some();
        for operation in operations(item) {
            let with_body = operation.request_body.is_some();
            operation.security = Some(vec![SecurityRequirement::new(scheme, Vec::<String>::new())]);
            operation.extensions = Some(ExtensionsBuilder::new().add("x-role", json!(role)).build());
            respond(operation, "401", "`AUTH_FAILED`: no key, or not a valid one");
            respond(operation, "403", "`FORBIDDEN`: the key's role may not do this");
            respond(operation, "500", "`INTERNAL_ERROR`");
            respond(operation, "503", "`UNAVAILABLE`: no scheduler leads, or the store is away; try again");
            if writes {
                respond(operation, "507", "`STORAGE_FULL`: nothing was written");
            }
            if with_body {
                respond(operation, "415", "`UNSUPPORTED_MEDIA_TYPE`: the body must be application/json");
            }
            if with_body || posts {
                respond(operation, "413", "`PAYLOAD_TOO_LARGE`");
            }
        }
        if let Some(post) = &mut item.post {
            post.parameters.get_or_insert_default().push(RefOr::T(repeat_key()));
        }
    }
}

/// Completes the whole: the security scheme, and that answers leave no field out.
pub(super) fn whole(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An API key. A viewer reads, an operator also submits and controls, an admin does all.",
        ))
        .build();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A worker's token, or the enrolment token: for what workers bring."))
        .build();
    components.add_security_scheme(WORKER_SCHEME, SecurityScheme::Http(token));
    for (name, schema) in &mut components.schemas {
        if name.ends_with("Request") {
            continue;
        }
        if let RefOr::T(Schema::Object(object)) = schema {
            let optional = optional_in_answers(name);
            object.required =
                object.properties.keys().filter(|key| !optional.contains(&key.as_str())).cloned().collect();
        }
    }
}

/// The few fields that an answer may leave out.
fn optional_in_answers(schema: &str) -> &'static [&'static str] {
    match schema {
        "Task" => &["result", "output", "runs"],
        "Worker" => &["token"],
        "Error" => &["details"],
        _ => &[],
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Adds an error answer where the action has none of that status.
fn respond(operation: &mut Operation, status: &str, description: &str) {
    let retry_after = ObjectBuilder::new().schema_type(Type::Integer).description(Some("Seconds")).build();
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| {
        let mut response = ResponseBuilder::new()
            .description(description)
            .content("application/json", Content::new(Some(Ref::from_schema_name("Error"))));
        if status == "503" {
            response = response.header("Retry-After", Header::new(retry_after));
        }
        RefOr::T(response.build())
    });
}

fn repeat_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"))
        .build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Makes a repeat harmless for 24 hours"))
        .schema(Some(text))
        .build()
}
