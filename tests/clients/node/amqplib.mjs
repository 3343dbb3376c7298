// The package `amqplib` on the broker of AMQP_URL.

import amqp from 'amqplib'
import { check, eventually, finish, within } from './check.mjs'

const queue = `clients-amqplib-${process.pid}-${Date.now()}`
const connection = await within(10, amqp.connect(process.env.AMQP_URL))
const channel = await connection.createConfirmChannel()
// Each step reports its own failure; without a listener, an error would end the program.
for (const emitter of [connection, channel]) emitter.on('error', () => {})

// refused: the step must close its channel with that code.
async function refused(code, step) {
  const other = await connection.createChannel()
  const closed = new Promise(resolve => other.once('error', resolve))
  step(other).catch(() => {})
  const error = await within(5, closed)
  if (error.code !== code) throw error
}

await check('declare a queue', () => channel.assertQueue(queue, { durable: true }))
await check('refuse another declaration with 406', () => refused(406, other => other.assertQueue(queue, { durable: false })))
await check('report a missing queue with 404', () => refused(404, other => other.checkQueue('clients-missing')))

await check('publish with confirms', async () => {
  for (let number = 0; number < 20; number += 1) channel.sendToQueue(queue, Buffer.from(`job ${number}`), { persistent: true })
  await channel.waitForConfirms()
  const { messageCount } = await channel.checkQueue(queue)
  if (messageCount !== 20) throw new Error(`${messageCount} messages`)
})

await check('return a message without a queue', async () => {
  const returned = new Promise(resolve => channel.once('return', resolve))
  channel.sendToQueue('clients-missing', Buffer.from('lost'), { mandatory: true })
  const message = await within(5, returned)
  if (message.fields.replyText !== 'NO_ROUTE') throw new Error(JSON.stringify(message.fields))
})

await check('consume with acks and a requeue', async () => {
  const bodies = []
  await channel.prefetch(5)
  const { consumerTag } = await channel.consume(queue, message => {
    bodies.push(String(message.content))
    if (bodies.length === 1) channel.nack(message, false, true)
    else channel.ack(message)
  })
  await eventually('the last delivery', () => bodies.length === 21)
  if (bodies.filter(body => body === 'job 0').length !== 2) throw new Error(bodies.join())
  await channel.cancel(consumerTag)
})

await check('route by a topic exchange', async () => {
  const exchange = `${queue}-topic`
  await channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: true })
  const { queue: name } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(name, exchange, 'order.#')
  channel.publish(exchange, 'order.new.today', Buffer.from('routed'))
  await channel.waitForConfirms()
  const message = await channel.get(name, { noAck: true })
  if (message.fields.routingKey !== 'order.new.today') throw new Error(JSON.stringify(message))
})

await check('delete and close', async () => {
  await channel.deleteQueue(queue)
  await channel.close()
  await connection.close()
})

finish()
