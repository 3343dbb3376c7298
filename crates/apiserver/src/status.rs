//! `Status`: the one shape in which Kubernetes reports errors (and the success of a deletion).
//!
//! Clients branch on `code` and `reason`, and print `message` as it is, so the words here are those of
//! `k8s.io/apimachinery/pkg/api/errors`.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// One thing that is wrong with an object: an entry of `Status.details.causes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable, such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// For a person, such as `Invalid value: 0: must be greater than 0`.
    pub message: String,
    /// Path of the field, such as `spec.ports[0].name`.
    pub field: String,
}

impl Cause {
    /// A field without which the object has no meaning is absent.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        let message =
            if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Self { reason: "FieldValueRequired", message, field: field.into() }
    }

    /// A field's value cannot be accepted; `value` is shown as Kubernetes shows it (strings quoted).
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {detail}", shown(value)),
            field: field.into(),
        }
    }

    /// A field's value is not one of those known; `supported` is listed as Kubernetes lists it.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list = supported.iter().map(|s| format!("\"{s}\"")).collect::<Vec<_>>().join(", ");
        Self {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {}: supported values: {list}", shown(value)),
            field: field.into(),
        }
    }

    /// Two entries of a list say the same where they must differ.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {}", shown(value)),
            field: field.into(),
        }
    }

    /// The field may not be set, or not be changed, in this place.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {detail}"), field: field.into() }
    }

    /// A text or list is longer than it may be.
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

/// An answer of kind `Status`, as an error or as the outcome of a deletion.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// CamelCase word that clients branch on; empty for a success.
    pub reason: &'static str,
    /// For a person.
    pub message: String,
    /// `details`, when there are any.
    pub details: Option<Box<Details>>,
}

/// What a [`Status`] is about.
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
    /// Each thing that is wrong.
    pub causes: Vec<Cause>,
    /// When to try again.
    pub retry_after_seconds: Option<u32>,
}

/// Resource and group as an error names them: `pods`, `deployments.apps`.
fn qualified(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

impl Status {
    /// An error without details.
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

    /// 404: `pods "x" not found`.
    #[must_use]
    pub fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(group, plural));
        Self::new(404, "NotFound", message).about(group, plural, name)
    }

    /// 404 for a path that is no resource of ours.
    #[must_use]
    pub fn unknown_resource() -> Self {
        let mut status = Self::new(404, "NotFound", "the server could not find the requested resource");
        status.details = Some(Box::default());
        status
    }

    /// 409: `pods "x" already exists`.
    #[must_use]
    pub fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(group, plural));
        Self::new(409, "AlreadyExists", message).about(group, plural, name)
    }

    /// 409: somebody else changed the object, or it is not in the state that the request takes for granted.
    #[must_use]
    pub fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", qualified(group, plural));
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    /// 422: the object is understood and not acceptable.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let list = match causes.as_slice() {
            [] => "<nil>".to_owned(),
            [one] => one.to_string(),
            many => {
                // Kubernetes aggregates the texts and drops repeated ones.
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

    /// 400.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403.
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

    /// 405 for a verb that the resource does not offer.
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

    /// 410 for a resourceVersion or a continue token that is too old.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 415 for a body of a type that the verb does not take.
    #[must_use]
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 429: too much is asked at once.
    #[must_use]
    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        let mut status = Self::new(429, "TooManyRequests", message);
        status.details =
            Some(Box::new(Details { retry_after_seconds: Some(retry_after_seconds), ..Details::default() }));
        status
    }

    /// 500.
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

    /// 503: what the request needs is not there now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// True when [`Status::code`] is an error's.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code >= 400
    }

    /// The JSON of `meta/v1.Status`.
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
    fn an_object_that_is_absent_is_named_with_its_group() {
        assert_eq!(Status::not_found("", "pods", "x").message, r#"pods "x" not found"#);
        assert_eq!(
            Status::not_found("apps", "deployments", "x").to_json(),
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                   "message": "deployments.apps \"x\" not found", "reason": "NotFound",
                   "details": {"name": "x", "group": "apps", "kind": "deployments"}, "code": 404})
        );
    }

    #[test]
    fn one_cause_stands_alone_and_several_in_brackets_without_repeats() {
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
