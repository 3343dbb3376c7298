//! Users with few rights, credentials that expire, and credentials of an exec plugin.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::on_cluster::handles;
use crate::scenarios::dashboard::Dashboard;
use crate::scenarios::site::Site;

/// A ServiceAccount of the test; dropping the value removes it.
struct Guest<'a> {
    site: &'a Site,
    name: String,
}

impl<'a> Guest<'a> {
    /// An account, bound to a Role of the demo's namespace if one is named.
    fn new(site: &'a Site, role: Option<&str>) -> Self {
        let name = format!("surge-e2e-{:x}", fastrand::u32(..));
        let guest = Self { site, name };
        let account: ServiceAccount =
            serde_json::from_value(json!({"metadata": {"name": guest.name}})).unwrap();
        site.run(guest.api::<ServiceAccount>().create(&PostParams::default(), &account)).unwrap();
        if let Some(role) = role {
            let binding: RoleBinding = serde_json::from_value(json!({
                "metadata": {"name": guest.name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": guest.name, "namespace": site.namespace}],
            }))
            .unwrap();
            site.run(guest.api::<RoleBinding>().create(&PostParams::default(), &binding)).unwrap();
        }
        guest
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.site.client.clone(), &self.site.namespace)
    }

    /// A token for ten minutes, bound to a Secret if one is given.
    fn token(&self, bound_to: Option<&Secret>) -> String {
        let mut spec = json!({"expirationSeconds": 600});
        if let Some(secret) = bound_to {
            let metadata = &secret.metadata;
            spec["boundObjectRef"] =
                json!({"kind": "Secret", "apiVersion": "v1", "name": metadata.name, "uid": metadata.uid});
        }
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", self.site.namespace, self.name);
        let request = http::Request::post(path).body(serde_json::to_vec(&body).unwrap()).unwrap();
        let answer: serde_json::Value = self.site.run(self.site.client.request(request)).unwrap();
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    fn kubeconfig(&self) -> PathBuf {
        self.site.kubeconfig_for("guest", json!({"token": self.token(None)}))
    }

    fn dashboard(&self, arguments: &[&str]) -> Dashboard {
        Dashboard::start(self.site.folder(), &self.kubeconfig(), arguments)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let default = DeleteParams::default();
        let _gone = self.site.run(self.api::<RoleBinding>().delete(&self.name, &default));
        let _gone = self.site.run(self.api::<Secret>().delete(&self.name, &default));
        let _gone = self.site.run(self.api::<ServiceAccount>().delete(&self.name, &default));
    }
}

#[test]
#[ignore = "needs a cluster"]
fn a_viewer_sees_which_right_it_lacks() {
    let site = handles::demo();
    let guest = Guest::new(&site, Some("surge-viewer"));
    let mut dashboard = guest.dashboard(&[]);
    dashboard.wait_until_live();
    dashboard.wait("what a viewer may read", |screen| {
        (screen.desired() == Some(1) && screen.belief("external API") == Some(0)).then_some(())
    });
    dashboard.press("1");
    dashboard.wait_for("no tunnel to pod producer");
    dashboard.wait_for("cannot get resource \"pods/portforward\"");
    let worker = site.ready_pods(contract::names::WORKER).remove(0).metadata.name.unwrap();
    dashboard.send("K");
    dashboard.wait_for("choose");
    dashboard.send("y");
    dashboard.wait_for(&format!("deleting pod {worker} failed"));
    assert!(dashboard.screen().is_live(), "{}", dashboard.screen().0);
    dashboard.quit();
}

#[test]
#[ignore = "needs a cluster"]
fn an_operator_does_everything() {
    let site = handles::demo();
    let guest = Guest::new(&site, Some("surge-operator"));
    let mut dashboard = guest.dashboard(&[]);
    dashboard.wait_until_live();
    dashboard.fire_and_finish("2", 10);
    site.wait_for_rest();
    let old = site.ready_pods(contract::names::WORKER).remove(0).metadata.name.unwrap();
    dashboard.send("K");
    dashboard.wait_for("choose");
    dashboard.send("y");
    dashboard.wait("another worker", |screen| (!screen.lists_worker(&old)).then_some(()));
    dashboard.wait_until_live();
    dashboard.quit();
    site.wait_for_rest();
}

#[test]
#[ignore = "needs a cluster"]
fn a_user_without_rights_sees_the_missing_verb() {
    let site = handles::demo();
    let guest = Guest::new(&site, None);
    let dashboard = guest.dashboard(&["--namespace", &site.namespace]);
    dashboard.wait_for("cannot get resource \"horizontalpodautoscalers\"");
    dashboard.quit();
}

#[test]
#[ignore = "needs a cluster"]
fn an_expired_token_differs_from_a_missing_right() {
    let site = handles::demo();
    let guest = Guest::new(&site, Some("surge-operator"));
    let secret: Secret = serde_json::from_value(json!({"metadata": {"name": guest.name}})).unwrap();
    let secret = site.run(guest.api::<Secret>().create(&PostParams::default(), &secret)).unwrap();
    let kubeconfig = site.kubeconfig_for("bound", json!({"token": guest.token(Some(&secret))}));
    let dashboard = Dashboard::start(site.folder(), &kubeconfig, &[]);
    dashboard.wait_until_live();
    site.run(guest.api::<Secret>().delete(&guest.name, &DeleteParams::default())).unwrap();
    // The API server accepts a token for some seconds after its end.
    dashboard.wait_for("Unauthorized (401)");
    dashboard.quit();
    let dashboard = Dashboard::start(site.folder(), &kubeconfig, &["--namespace", &site.namespace]);
    dashboard.wait_for("rejects the kubeconfig");
    dashboard.quit();
}

/// Writes a credential plugin and returns a kubeconfig that calls it.
fn with_plugin(site: &Site, script: &str) -> PathBuf {
    let plugin = site.file("plugin", script);
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    site.kubeconfig_for(
        "with-plugin",
        json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
        }}),
    )
}

#[test]
#[ignore = "needs a cluster"]
fn a_credential_plugin_runs_again_after_expiry() {
    let site = handles::demo();
    let guest = Guest::new(&site, Some("surge-operator"));
    let calls = site.folder().join("calls");
    let script = format!(
        r#"#!/bin/sh
echo called >>{calls}
echo "a line of the plugin for the terminal" >&2
expires=$(date -u -d '+20 seconds' +%Y-%m-%dT%H:%M:%SZ)
echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}","expirationTimestamp":"'$expires'"}}}}'
"#,
        calls = calls.display(),
        token = guest.token(None),
    );
    let mut dashboard = Dashboard::start(site.folder(), &with_plugin(&site, &script), &[]);
    dashboard.wait_until_live();
    site.wait("the plugin to be asked again", || {
        let calls = std::fs::read_to_string(&calls).unwrap_or_default().lines().count();
        (calls >= 3).then_some(())
    });
    dashboard.fire_and_finish("1", 1);
    let screen = dashboard.screen();
    assert!(screen.is_live(), "{}", screen.0);
    assert!(
        !screen.0.contains("a line of the plugin"),
        "a plugin must not write over the screen:\n{}",
        screen.0
    );
    dashboard.quit();
    site.wait_for_rest();
}

#[test]
#[ignore = "needs a cluster"]
fn a_failing_credential_plugin_is_named() {
    let site = handles::demo();
    let kubeconfig = with_plugin(&site, "#!/bin/sh\necho 'please log in first' >&2\nexit 3\n");
    let dashboard = Dashboard::start(site.folder(), &kubeconfig, &["--namespace", &site.namespace]);
    dashboard.wait_for("please log in first");
    dashboard.quit();
}
