//! Questions that are asked by creating an object, which is answered and not kept: who am I, and what may I do.

use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::body;
use super::call::json_response;
use super::write::user_agent;
use crate::auth::Tokens;
use crate::conform::{Fill, conform};
use crate::patch::managed::{self, Writer};
use crate::store::encode;
use crate::time::seconds;
use crate::{Status, User, schema};

/// A kind of question.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    /// Its fields; empty for one whose fields nobody may own.
    schema: &'static str,
    answer: fn(&Asker<'_>, &mut Value),
}

/// Who asks, and what may be asked about.
pub(crate) struct Asker<'a> {
    pub(crate) user: &'a User,
    /// None inside of the process, where nobody needs one.
    pub(crate) tokens: Option<&'a Tokens>,
}

/// All of them.
pub(crate) const REVIEWS: [Review; 4] = [
    Review {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "TokenReview",
        plural: "tokenreviews",
        singular: "tokenreview",
        schema: "authentication.v1.TokenReview",
        answer: |asker, object| {
            let token = object.pointer("/spec/token").and_then(Value::as_str).unwrap_or_default();
            object["status"] = match asker.tokens.and_then(|tokens| tokens.user(token)) {
                Some(user) => json!({"authenticated": true,
                    "user": {"username": user.name, "groups": user.groups}}),
                None => json!({"user": {}, "error": "invalid bearer token"}),
            };
        },
    },
    Review {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        singular: "selfsubjectreview",
        schema: "",
        answer: |asker, object| {
            let User { name, groups } = asker.user;
            object["status"] = json!({"userInfo": {"username": name, "groups": groups}});
        },
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
        schema: "authorization.v1.SelfSubjectAccessReview",
        // There is no authorization: everybody who is let in may do everything.
        answer: |_, object| object["status"] = json!({"allowed": true}),
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        singular: "selfsubjectrulesreview",
        schema: "authorization.v1.SelfSubjectRulesReview",
        answer: |_, object| {
            object["status"] = json!({"incomplete": false,
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        },
    },
];

/// The question that a path names.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Review> {
    REVIEWS.iter().find(|r| r.group == group && r.version == version && r.plural == plural)
}

impl Review {
    /// Answers one.
    pub(crate) fn create(
        &self,
        headers: &HeaderMap,
        bytes: &[u8],
        asker: &Asker<'_>,
    ) -> Result<Response, Status> {
        let mut object = body::decode(headers, bytes, self.kind)?;
        if !object.is_object() {
            return Err(Status::bad_request(format!("{} cannot be read", self.kind)));
        }
        self.check(&object)?;
        let now = jiff::Timestamp::now();
        object["kind"] = self.kind.into();
        object["apiVersion"] = format!("{}/{}", self.group, self.version).into();
        object["metadata"] = match self.kind {
            "SelfSubjectReview" => json!({"creationTimestamp": seconds(now)}),
            _ => json!({}),
        };
        if !self.schema.is_empty() {
            let shape = schema::root(self.schema);
            let _unknown = conform(&mut object, shape, Fill::Nothing);
            let writer = Writer {
                manager: Writer::name(None, user_agent(headers)),
                api_version: format!("{}/{}", self.group, self.version),
                subresource: String::new(),
                now,
            };
            managed::updated(&json!({"metadata": {}}), &mut object, shape, &writer, true);
        }
        (self.answer)(asker, &mut object);
        Ok(json_response(201, encode(&object)))
    }

    /// What cannot be answered.
    fn check(&self, object: &Value) -> Result<(), Status> {
        let has =
            |pointer: &str| object.pointer(pointer).is_some_and(|value| !value.is_null() && *value != "");
        match self.kind {
            "TokenReview" if !has("/spec/token") => {
                Err(Status::bad_request("token is required for TokenReview in authentication"))
            }
            "SelfSubjectAccessReview"
                if !has("/spec/resourceAttributes") && !has("/spec/nonResourceAttributes") =>
            {
                let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
                let cause = crate::Cause::invalid("spec.resourceAttributes", &Value::Null, why);
                Err(Status::invalid(self.group, "", "", vec![cause]))
            }
            _ => Ok(()),
        }
    }
}
