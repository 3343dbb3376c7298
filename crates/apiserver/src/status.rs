//! `Status`: the object with which Kubernetes reports errors, and the success of a deletion.
//!
//! Clients branch on `code` and `reason` and print `message`, so the texts here are those of
//! `k8s.io/apimachinery/pkg/api/errors`.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// One fault of an object: an entry of `Status.details.causes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable reason, such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// Text for users, such as `Invalid value: 0: must be greater than 0`.
    pub message: String,
    /// Path of the field, such as `spec.ports[0].name`.
    pub field: String,
}

impl Cause {
    /// Returns the cause for an absent required field.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        let message =
            if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Self { reason: "FieldValueRequired", message, field: field.into() }
    }

    /// Returns the cause for an unacceptable value. The text shows `value` as JSON.
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {detail}", shown(value)),
            field: field.into(),
        }
    }

    /// Returns the cause for a value outside of the `supported` ones.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list = supported.iter().map(|s| format!("\"{s}\"")).collect::<Vec<_>>().join(", ");
        Self {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {}: supported values: {list}", shown(value)),
            field: field.into(),
        }
    }

    /// Returns the cause for a repeated list entry.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {}", shown(value)),
            field: field.into(),
        }
    }

    /// Returns the cause for a field that must not be set or changed.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {detail}"), field: field.into() }
    }

    /// Returns the cause for a value of more than `max` bytes.
    #[must_use]
    pub fn too_long(field: impl Into<String>, max: usize) -> Self {
        Self {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {max} bytes"),
            field: field.into(),
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

/// A response of kind `Status`: an error, or the outcome of a deletion.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// CamelCase reason for clients to branch on; empty for a success.
    pub reason: &'static str,
    /// Text for users.
    pub message: String,
    /// Details, if any.
    pub details: Option<Box<Details>>,
}

/// The subject of a [`Status`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// Name of the object.
    pub name: String,
    /// Its group; empty for the core group.
    pub group: String,
    /// Its resource (plural) or kind, as Kubernetes mixes them.
    pub kind: String,
    /// UID of the object, in the answer to a deletion.
    pub uid: String,
    /// The faults of the object.
    pub causes: Vec<Cause>,
    /// Seconds after which the client can retry.
    pub retry_after_seconds: Option<u32>,
}

/// Returns resource and group as errors name them: `pods`, `deployments.apps`.
fn qualified(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

impl Status {
    /// Creates an error without details.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        self.details = Some(Box::new(Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            ..Details::default()
        }));
        self
    }

    /// Returns 404: `pods "x" not found`.
    #[must_use]
    pub fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(group, plural));
        Self::new(404, "NotFound", message).about(group, plural, name)
    }

    /// Returns 404 for a path without a resource.
    #[must_use]
    pub fn unknown_resource() -> Self {
        let mut status = Self::new(404, "NotFound", "the server could not find the requested resource");
        status.details = Some(Box::default());
        status
    }

    /// Returns 409: `pods "x" already exists`.
    #[must_use]
    pub fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(group, plural));
        Self::new(409, "AlreadyExists", message).about(group, plural, name)
    }

    /// The reason of a conflict with a faster write.
    pub(crate) const MODIFIED: &str =
        "the object has been modified; please apply your changes to the latest version and try again";

    /// Returns 409: the object has changed, or is not in the state that the request expects.
    #[must_use]
    pub fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", qualified(group, plural));
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    /// Returns 422: the object is well-formed and not valid.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let list = match causes.as_slice() {
            [] => "<nil>".to_owned(),
            [one] => one.to_string(),
            many => {
                // Kubernetes joins the texts without repetitions.
                let mut texts: Vec<String> = Vec::with_capacity(many.len());
                for cause in many {
                    let text = cause.to_string();
                    if !texts.contains(&text) {
                        texts.push(text);
                    }
                }
                match texts.as_slice() {
                    [one] => one.clone(),
                    all => format!("[{}]", all.join(", ")),
                }
            }
        };
        let message = format!("{} \"{name}\" is invalid: {list}", qualified(group, kind));
        let mut status = Self::new(422, "Invalid", message).about(group, kind, name);
        if let Some(details) = &mut status.details {
            details.causes = causes;
        }
        status
    }

    /// Returns 400.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// Returns 401.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// Returns 403.
    #[must_use]
    pub fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let what = qualified(group, plural);
        let message = if name.is_empty() {
            format!("{what} is forbidden: {why}")
        } else {
            format!("{what} \"{name}\" is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message).about(group, plural, name)
    }

    /// Returns 405 for a verb that the resource does not support.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let mut status = Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
        status.details = Some(Box::default());
        status
    }

    /// Returns 410 for an old resourceVersion or continue token.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// Returns 415 for a body of an unsupported media type.
    #[must_use]
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// Returns 429: too many concurrent requests.
    #[must_use]
    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        let mut status = Self::new(429, "TooManyRequests", message);
        status.details =
            Some(Box::new(Details { retry_after_seconds: Some(retry_after_seconds), ..Details::default() }));
        status
    }

    /// Returns 500.
    #[must_use]
    pub fn internal(message: impl std::fmt::Display) -> Self {
        let text = message.to_string();
        let mut status = Self::new(500, "InternalError", format!("Internal error occurred: {text}"));
        status.details = Some(Box::new(Details {
            causes: vec![Cause { reason: "", message: text, field: String::new() }],
            ..Details::default()
        }));
        status
    }

    /// Returns 503: something that the request needs is missing now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// Returns true for an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code >= 400
    }

    /// Returns the JSON of `meta/v1.Status`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("kind".into(), "Status".into());
        object.insert("apiVersion".into(), "v1".into());
        object.insert("metadata".into(), json!({}));
        object.insert("status".into(), if self.is_error() { "Failure" } else { "Success" }.into());
        if !self.message.is_empty() {
            object.insert("message".into(), self.message.clone().into());
        }
        if !self.reason.is_empty() {
            object.insert("reason".into(), self.reason.into());
        }
        if let Some(details) = &self.details {
            object.insert("details".into(), details.to_json());
        }
        if self.is_error() {
            object.insert("code".into(), self.code.into());
        }
        Value::Object(object)
    }
}

impl Details {
    fn to_json(&self) -> Value {
        let mut object = Map::new();
        for (key, text) in
            [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)]
        {
            if !text.is_empty() {
                object.insert(key.into(), text.clone().into());
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| {
                let mut entry = Map::new();
                for (key, text) in
                    [("reason", cause.reason), ("message", &cause.message), ("field", &cause.field)]
                {
                    if !text.is_empty() {
                        entry.insert(key.into(), text.into());
                    }
                }
                Value::Object(entry)
            });
            object.insert("causes".into(), causes.collect());
        }
        if let Some(seconds) = self.retry_after_seconds {
            object.insert("retryAfterSeconds".into(), seconds.into());
        }
        Value::Object(object)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(format!("{}\n", self.to_json())));
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.details.as_ref().and_then(|d| d.retry_after_seconds) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_found_names_the_group() {
        assert_eq!(Status::not_found("", "pods", "x").message, r#"pods "x" not found"#);
        assert_eq!(
            Status::not_found("apps", "deployments", "x").to_json(),
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                   "message": "deployments.apps \"x\" not found", "reason": "NotFound",
                   "details": {"name": "x", "group": "apps", "kind": "deployments"}, "code": 404})
        );
    }

    #[test]
    fn several_causes_are_in_brackets_without_repetitions() {
        let a = Cause::invalid("spec.maxReplicas", &json!(0), "must be greater than 0");
        let b = Cause::required("spec.scaleTargetRef.kind", "");
        let one = Status::invalid("autoscaling", "HorizontalPodAutoscaler", "h", vec![a.clone()]);
        assert_eq!(
            one.message,
            "HorizontalPodAutoscaler.autoscaling \"h\" is invalid: spec.maxReplicas: Invalid value: 0: must be greater than 0"
        );
        let many = Status::invalid("", "Pod", "p", vec![a.clone(), a, b]);
        assert!(many.message.ends_with(
            "is invalid: [spec.maxReplicas: Invalid value: 0: must be greater than 0, spec.scaleTargetRef.kind: Required value]"
        ), "{}", many.message);
        assert_eq!(many.details.map(|d| d.causes.len()), Some(3));
    }
}
