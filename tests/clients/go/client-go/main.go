// The package client-go on the cluster of KUBECONFIG, which has the demo in NAMESPACE.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/httpstream"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"clients/check"
)

func main() {
	demo := os.Getenv("NAMESPACE")
	if demo == "" {
		demo = "autoscaling-demo"
	}
	own := fmt.Sprintf("clients-%d", os.Getpid())
	ctx, cancel := context.WithTimeout(context.Background(), 110*time.Second)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Println("not ok - read the kubeconfig:", err)
		os.Exit(1)
	}
	client := kubernetes.NewForConfigOrDie(config)
	maps := client.CoreV1().ConfigMaps(own)

	check.Step("create a namespace", func() error {
		_, err := client.CoreV1().Namespaces().Create(ctx, &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: own}}, meta.CreateOptions{})
		return err
	})
	check.Step("follow objects with an informer", func() error {
		stop := make(chan struct{})
		defer close(stop)
		factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(own))
		events := make(chan string, 100)
		informer := factory.Core().V1().ConfigMaps().Informer()
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { events <- "add " + object.(*core.ConfigMap).Name },
			UpdateFunc: func(_, object any) { events <- "update " + object.(*core.ConfigMap).Name },
			DeleteFunc: func(any) { events <- "delete" },
		})
		if err != nil {
			return err
		}
		factory.Start(stop)
		if !cache.WaitForCacheSync(stop, informer.HasSynced) {
			return errors.New("no sync")
		}
		one := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "seen"}}
		if _, err := maps.Create(ctx, one, meta.CreateOptions{}); err != nil {
			return err
		}
		if err := until(events, "add seen"); err != nil {
			return err
		}
		patch := []byte(`{"data": {"key": "2"}}`)
		if _, err := maps.Patch(ctx, "seen", types.MergePatchType, patch, meta.PatchOptions{}); err != nil {
			return err
		}
		if err := until(events, "update seen"); err != nil {
			return err
		}
		if err := maps.Delete(ctx, "seen", meta.DeleteOptions{}); err != nil {
			return err
		}
		return until(events, "delete")
	})
	check.Step("apply on the server", func() error {
		for _, value := range []string{"1", "2"} {
			applied := applycore.ConfigMap("applied", own).WithData(map[string]string{"key": value})
			found, err := maps.Apply(ctx, applied, meta.ApplyOptions{FieldManager: "clients"})
			if err != nil || found.Data["key"] != value {
				return fmt.Errorf("%v: %w", found, err)
			}
		}
		return nil
	})
	check.Step("read protobuf", func() error {
		binary := rest.CopyConfig(config)
		binary.ContentType = "application/vnd.kubernetes.protobuf"
		pods, err := kubernetes.NewForConfigOrDie(binary).CoreV1().Pods(demo).List(ctx, meta.ListOptions{})
		if err == nil && len(pods.Items) == 0 {
			err = errors.New("no pods")
		}
		return err
	})
	check.Step("read and write a scale", func() error {
		scale, err := client.AppsV1().Deployments(demo).GetScale(ctx, "producer", meta.GetOptions{})
		if err != nil {
			return err
		}
		_, err = client.AppsV1().Deployments(demo).UpdateScale(ctx, "producer", scale, meta.UpdateOptions{})
		return err
	})
	producer, worker := demoPod(ctx, client, demo, "producer"), demoPod(ctx, client, demo, "worker")
	check.Step("read logs", func() error {
		lines := int64(5)
		text, err := client.CoreV1().Pods(demo).GetLogs(producer, &core.PodLogOptions{TailLines: &lines}).DoRaw(ctx)
		if err == nil && len(text) == 0 {
			err = errors.New("no text")
		}
		return err
	})

	address := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(demo).Name(producer).SubResource("portforward").URL()
	check.Step("forward a port over SPDY", func() error {
		dialer, err := overSpdy(config, address)
		if err != nil {
			return err
		}
		return forward(dialer)
	})
	check.Step("forward a port over SPDY in a WebSocket", func() error {
		dialer, err := portforward.NewSPDYOverWebsocketDialer(address, config)
		if err != nil {
			return err
		}
		return forward(dialer)
	})
	check.Step("forward a port with the fallback dialer", func() error {
		first, err := portforward.NewSPDYOverWebsocketDialer(address, config)
		if err != nil {
			return err
		}
		second, err := overSpdy(config, address)
		if err != nil {
			return err
		}
		return forward(portforward.NewFallbackDialer(first, second, httpstream.IsUpgradeFailure))
	})
	check.Step("exec is refused or ends", func() error {
		soon, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		client.CoreV1().RESTClient().Post().Resource("pods").Namespace(demo).Name(worker).SubResource("exec").
			VersionedParams(&core.PodExecOptions{Command: []string{"/missing"}, Stdout: true}, meta.ParameterCodec).Do(soon)
		return soon.Err()
	})
	check.Step("delete the namespace", func() error {
		if err := client.CoreV1().Namespaces().Delete(ctx, own, meta.DeleteOptions{}); err != nil {
			return err
		}
		for ctx.Err() == nil {
			if _, err := client.CoreV1().Namespaces().Get(ctx, own, meta.GetOptions{}); apierrors.IsNotFound(err) {
				return nil
			}
			time.Sleep(100 * time.Millisecond)
		}
		return errors.New("the namespace is still there")
	})
	check.Finish()
}

func demoPod(ctx context.Context, client *kubernetes.Clientset, namespace, name string) string {
	pods, err := client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{LabelSelector: "app.kubernetes.io/name=" + name})
	if err != nil || len(pods.Items) == 0 {
		return "missing"
	}
	return pods.Items[0].Name
}

func until(events <-chan string, wanted string) error {
	late := time.After(20 * time.Second)
	for {
		select {
		case event := <-events:
			if event == wanted {
				return nil
			}
		case <-late:
			return fmt.Errorf("no event %q", wanted)
		}
	}
}

func overSpdy(config *rest.Config, address *url.URL) (httpstream.Dialer, error) {
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	return spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, address), nil
}

// forward sends requests through a tunnel, also several at once.
func forward(dialer httpstream.Dialer) error {
	stop, ready := make(chan struct{}), make(chan struct{})
	defer close(stop)
	var output bytes.Buffer
	forwarder, err := portforward.New(dialer, []string{"0:3000"}, stop, ready, io.Discard, &output)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		return fmt.Errorf("%w %s", err, output.String())
	case <-time.After(10 * time.Second):
		return errors.New("the tunnel is not ready")
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	answers := make(chan error, 5)
	for range cap(answers) {
		go func() {
			client := http.Client{Timeout: 10 * time.Second}
			answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", ports[0].Local))
			if err == nil {
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					err = errors.New(answer.Status)
				}
			}
			answers <- err
		}()
	}
	for range cap(answers) {
		err = errors.Join(err, <-answers)
	}
	return err
}
