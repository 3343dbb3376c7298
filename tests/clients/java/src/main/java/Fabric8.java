import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The client fabric8 on the cluster of KUBECONFIG, which has the demo in NAMESPACE. */
final class Fabric8 {
    private Fabric8() {}

    public static void main(String[] arguments) {
        var demo = System.getenv().getOrDefault("NAMESPACE", "autoscaling-demo");
        var own = "clients-" + ProcessHandle.current().pid();
        var client = new KubernetesClientBuilder().build();
        var maps = client.configMaps().inNamespace(own);

        Check.step("create a namespace", () -> client.resource(
            new NamespaceBuilder().withNewMetadata().withName(own).endMetadata().build()).create());
        Check.step("watch an object from creation to deletion", () -> {
            var seen = new LinkedBlockingQueue<String>();
            var watch = maps.withName("seen").watch(new Watcher<ConfigMap>() {
                public void eventReceived(Action action, ConfigMap object) {
                    seen.add(action.name());
                }

                public void onClose(WatcherException cause) {
                    seen.add("closed: " + cause);
                }
            });
            client.resource(map(own, "seen", "1")).create();
            Check.that("ADDED".equals(seen.poll(20, TimeUnit.SECONDS)), seen);
            maps.withName("seen").edit(map -> new ConfigMapBuilder(map).addToData("key", "2").build());
            Check.that("MODIFIED".equals(seen.poll(20, TimeUnit.SECONDS)), seen);
            maps.withName("seen").delete();
            Check.that("DELETED".equals(seen.poll(20, TimeUnit.SECONDS)), seen);
            watch.close();
        });
        Check.step("follow objects with an informer", () -> {
            var informer = maps.inform();
            client.resource(map(own, "informed", "1")).create();
            for (var left = 200; informer.getStore().getByKey(own + "/informed") == null; left--) {
                Check.that(left > 0, informer.getStore().listKeys());
                Thread.sleep(100);
            }
            informer.close();
        });
        Check.step("apply on the server", () -> {
            for (var value : new String[] {"1", "2"}) {
                client.resource(map(own, "applied", value)).forceConflicts().serverSideApply();
            }
            Check.that("2".equals(maps.withName("applied").get().getData().get("key")), maps.withName("applied").get());
        });
        var worker = client.apps().deployments().inNamespace(demo).withName("worker");
        Check.step("wait until a Deployment is ready", () -> worker.waitUntilReady(20, TimeUnit.SECONDS));
        Check.step("wait for a condition", () ->
            worker.waitUntilCondition(found -> found.getStatus().getReadyReplicas() > 0, 20, TimeUnit.SECONDS));
        Check.step("read an HPA and a scale", () -> {
            var hpa = client.autoscaling().v2().horizontalPodAutoscalers().inNamespace(demo).withName("worker-scaler").get();
            Check.that(hpa.getSpec().getMaxReplicas() > 0, hpa);
            Check.that(worker.scale().getSpec().getReplicas() != null, worker.scale());
        });
        var pod = client.pods().inNamespace(demo).withLabels(Map.of("app.kubernetes.io/name", "producer"))
            .list().getItems().get(0).getMetadata().getName();
        var producer = client.pods().inNamespace(demo).withName(pod);
        Check.step("read and follow logs", () -> {
            Check.that(!producer.tailingLines(5).getLog().isEmpty(), "no text");
            try (var watch = producer.tailingLines(5).watchLog()) {
                Check.that(watch.getOutput().read() >= 0, "no text");
            }
        });
        Check.step("forward a port", () -> {
            try (var forward = producer.portForward(3000)) {
                var address = URI.create("http://127.0.0.1:" + forward.getLocalPort() + "/healthz");
                var answer = HttpClient.newHttpClient()
                    .send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.discarding());
                Check.that(answer.statusCode() == 200, answer);
            }
        });
        Check.step("delete the namespace", () -> {
            client.namespaces().withName(own).delete();
            client.namespaces().withName(own).waitUntilCondition(found -> found == null, 25, TimeUnit.SECONDS);
        });
        Check.finish();
    }

    private static ConfigMap map(String namespace, String name, String value) {
        return new ConfigMapBuilder().withNewMetadata().withNamespace(namespace).withName(name).endMetadata()
            .addToData("key", value).build();
    }
}
