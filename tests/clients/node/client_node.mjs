// The package `@kubernetes/client-node` on the cluster of KUBECONFIG, which has the demo in NAMESPACE.

import net from 'node:net'
import { PassThrough } from 'node:stream'
import * as k8s from '@kubernetes/client-node'
import { check, eventually, finish, within } from './check.mjs'

const demo = process.env.NAMESPACE ?? 'autoscaling-demo'
const own = `clients-${process.pid}`
const config = new k8s.KubeConfig()
config.loadFromDefault()
const core = config.makeApiClient(k8s.CoreV1Api)
const scaling = config.makeApiClient(k8s.AutoscalingV2Api)
const objects = k8s.KubernetesObjectApi.makeApiClient(config)

async function demoPod(name) {
  const pods = await core.listNamespacedPod({ namespace: demo, labelSelector: `app.kubernetes.io/name=${name}` })
  return pods.items.find(pod => pod.status.phase === 'Running').metadata.name
}

const configMap = (name, data) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: own }, data })

await check('create a namespace', () => core.createNamespace({ body: { metadata: { name: own } } }))

await check('read an HPA', async () => {
  const hpa = await scaling.readNamespacedHorizontalPodAutoscaler({ name: 'worker-scaler', namespace: demo })
  if (!(hpa.spec.maxReplicas > 0)) throw new Error(JSON.stringify(hpa))
})

await check('watch an object from creation to deletion', async () => {
  const seen = []
  const watch = new k8s.Watch(config)
  const request = await watch.watch(
    `/api/v1/namespaces/${own}/configmaps`,
    { fieldSelector: 'metadata.name=seen' },
    type => seen.push(type),
    () => {},
  )
  await core.createNamespacedConfigMap({ namespace: own, body: configMap('seen', { key: '1' }) })
  await eventually('ADDED', () => seen.includes('ADDED'))
  await objects.patch(configMap('seen', { key: '2' }), undefined, undefined, undefined, undefined, k8s.PatchStrategy.MergePatch)
  await eventually('MODIFIED', () => seen.includes('MODIFIED'))
  await core.deleteNamespacedConfigMap({ name: 'seen', namespace: own })
  await eventually('DELETED', () => seen.includes('DELETED'))
  request.abort()
})

await check('follow objects with an informer', async () => {
  const list = () => core.listNamespacedConfigMap({ namespace: own })
  const informer = k8s.makeInformer(config, `/api/v1/namespaces/${own}/configmaps`, list)
  const names = new Set()
  informer.on('add', object => names.add(object.metadata.name))
  await informer.start()
  await core.createNamespacedConfigMap({ namespace: own, body: configMap('informed', {}) })
  await eventually('the object', () => names.has('informed'))
  await informer.stop()
})

await check('apply on the server', async () => {
  for (const key of ['1', '2']) {
    await objects.patch(configMap('applied', { key }), undefined, undefined, 'clients', true, k8s.PatchStrategy.ServerSideApply)
  }
  const applied = await core.readNamespacedConfigMap({ name: 'applied', namespace: own })
  if (applied.data.key !== '2') throw new Error(JSON.stringify(applied.data))
})

await check('follow logs', async () => {
  const lines = new PassThrough()
  const text = new Promise(resolve => lines.once('data', data => resolve(String(data))))
  const request = await new k8s.Log(config).log(demo, await demoPod('producer'), '', lines, { follow: true, tailLines: 5 })
  if ((await within(10, text)).length === 0) throw new Error('no text')
  request.abort()
})

await check('forward a port', async () => {
  const pod = await demoPod('producer')
  const forward = new k8s.PortForward(config)
  const server = net.createServer(socket => forward.portForward(demo, pod, [3000], socket, null, socket))
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/healthz`, { signal: AbortSignal.timeout(10_000) })
  if (answer.status !== 200) throw new Error(`status ${answer.status}`)
  server.close()
})

await check('exec is refused or ends', async () => {
  const pod = await demoPod('worker')
  const out = new PassThrough()
  const ended = new Promise(resolve => {
    new k8s.Exec(config).exec(demo, pod, '', ['/missing'], out, out, null, false, resolve).catch(resolve)
  })
  await within(10, ended)
})

await check('delete the namespace', async () => {
  await core.deleteNamespace({ name: own })
  await eventually('the end of the namespace', () => core.readNamespace({ name: own }).then(() => false, error => error.code === 404), 60)
})

finish()
