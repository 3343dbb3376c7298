import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.MessageProperties;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** RabbitMQ's Java client on the broker of AMQP_URL. */
final class Amqp {
    private Amqp() {}

    public static void main(String[] arguments) throws Exception {
        var factory = new ConnectionFactory();
        factory.setUri(System.getenv("AMQP_URL"));
        var queue = "clients-java-" + ProcessHandle.current().pid();
        var connection = factory.newConnection("clients");
        var channel = connection.createChannel();
        channel.confirmSelect();

        Check.step("declare a queue", () -> channel.queueDeclare(queue, true, false, false, Map.of("x-queue-type", "quorum")));
        Check.step("refuse another declaration with 406", () -> {
            try {
                connection.createChannel().queueDeclare(queue, true, false, false, Map.of("x-queue-type", "classic"));
            } catch (java.io.IOException error) {
                Check.that(String.valueOf(error.getCause()).contains("406"), error.getCause());
                return;
            }
            Check.that(false, "the broker accepted it");
        });
        Check.step("publish with confirms", () -> {
            for (var number = 0; number < 50; number++) {
                var body = ("job " + number).getBytes(StandardCharsets.UTF_8);
                channel.basicPublish("", queue, true, MessageProperties.PERSISTENT_TEXT_PLAIN, body);
            }
            channel.waitForConfirmsOrDie(10_000);
        });
        Check.step("consume within the prefetch count", () -> {
            var left = new CountDownLatch(50);
            channel.basicQos(10);
            var tag = channel.basicConsume(queue, false, (consumer, delivery) -> {
                channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
                left.countDown();
            }, consumer -> {});
            Check.that(left.await(20, TimeUnit.SECONDS), left);
            channel.basicCancel(tag);
        });
        Check.step("route by a headers exchange", () -> {
            channel.exchangeDeclare(queue + "-headers", "headers", false, true, null);
            var name = channel.queueDeclare().getQueue();
            channel.queueBind(name, queue + "-headers", "", Map.of("x-match", "all", "colour", "red"));
            for (var colour : new String[] {"blue", "red"}) {
                var properties = MessageProperties.MINIMAL_BASIC.builder().headers(Map.of("colour", colour)).build();
                channel.basicPublish(queue + "-headers", "", properties, colour.getBytes(StandardCharsets.UTF_8));
            }
            channel.waitForConfirmsOrDie(10_000);
            var found = channel.basicGet(name, true);
            Check.that("red".equals(new String(found.getBody(), StandardCharsets.UTF_8)), found);
            Check.that(channel.basicGet(name, true) == null, "a second message");
        });
        Check.step("delete and close", () -> {
            channel.queueDelete(queue);
            connection.close();
        });
        Check.finish();
    }
}
