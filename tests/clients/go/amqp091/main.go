// The package amqp091-go on the broker of AMQP_URL.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"clients/check"
)

func main() {
	queue := fmt.Sprintf("clients-amqp091-%d", os.Getpid())
	var connection *amqp.Connection
	var channel *amqp.Channel
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()

	check.Step("connect", func() (err error) {
		if connection, err = amqp.Dial(os.Getenv("AMQP_URL")); err != nil {
			return err
		}
		if channel, err = connection.Channel(); err != nil {
			return err
		}
		return channel.Confirm(false)
	})
	if channel == nil {
		check.Finish()
	}

	check.Step("declare a queue", func() error {
		_, err := channel.QueueDeclare(queue, true, false, false, false, nil)
		return err
	})
	check.Step("refuse another declaration with 406", func() error {
		return refused(connection, amqp.PreconditionFailed, func(other *amqp.Channel) error {
			_, err := other.QueueDeclare(queue, false, false, false, false, nil)
			return err
		})
	})
	check.Step("report a missing queue with 404", func() error {
		return refused(connection, amqp.NotFound, func(other *amqp.Channel) error {
			_, err := other.QueueDeclarePassive("clients-missing", true, false, false, false, nil)
			return err
		})
	})
	check.Step("publish with confirms", func() error {
		for number := range 50 {
			message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: fmt.Append(nil, "job ", number)}
			confirm, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, message)
			if err != nil {
				return err
			}
			if acked, err := confirm.WaitContext(ctx); err != nil || !acked {
				return fmt.Errorf("job %d: acked %v, %w", number, acked, err)
			}
		}
		return nil
	})
	check.Step("return a message without a queue", func() error {
		returns := channel.NotifyReturn(make(chan amqp.Return, 1))
		if err := channel.PublishWithContext(ctx, "", "clients-missing", true, false, amqp.Publishing{}); err != nil {
			return err
		}
		select {
		case returned := <-returns:
			if returned.ReplyCode != amqp.NoRoute {
				return fmt.Errorf("%+v", returned)
			}
			return nil
		case <-time.After(5 * time.Second):
			return errors.New("not returned")
		}
	})
	check.Step("consume within the prefetch count", func() error {
		if err := channel.Qos(10, 0, false); err != nil {
			return err
		}
		deliveries, err := channel.ConsumeWithContext(ctx, queue, "clients", false, false, false, false, nil)
		if err != nil {
			return err
		}
		for number := range 50 {
			select {
			case delivery := <-deliveries:
				if string(delivery.Body) != fmt.Sprint("job ", number) {
					return fmt.Errorf("%s instead of job %d", delivery.Body, number)
				}
				if err := delivery.Ack(false); err != nil {
					return err
				}
			case <-time.After(5 * time.Second):
				return fmt.Errorf("no job %d", number)
			}
		}
		return channel.Cancel("clients", false)
	})
	check.Step("route by a fanout exchange to two queues", func() error {
		exchange := queue + "-fanout"
		if err := channel.ExchangeDeclare(exchange, "fanout", false, true, false, false, nil); err != nil {
			return err
		}
		var names []string
		for range 2 {
			declared, err := channel.QueueDeclare("", false, true, true, false, nil)
			if err != nil {
				return err
			}
			if err := channel.QueueBind(declared.Name, "", exchange, false, nil); err != nil {
				return err
			}
			names = append(names, declared.Name)
		}
		confirm, err := channel.PublishWithDeferredConfirmWithContext(ctx, exchange, "any", true, false, amqp.Publishing{Body: []byte("all")})
		if err != nil {
			return err
		}
		if _, err := confirm.WaitContext(ctx); err != nil {
			return err
		}
		for _, name := range names {
			message, found, err := channel.Get(name, true)
			if err != nil || !found || message.Exchange != exchange {
				return fmt.Errorf("%s: found %v, %+v, %w", name, found, message, err)
			}
		}
		return nil
	})
	check.Step("delete and close", func() error {
		if _, err := channel.QueueDelete(queue, false, false, false); err != nil {
			return err
		}
		return connection.Close()
	})
	check.Finish()
}

// refused reports an error unless the step closes its channel with that code.
func refused(connection *amqp.Connection, code int, step func(*amqp.Channel) error) error {
	other, err := connection.Channel()
	if err != nil {
		return err
	}
	var closed *amqp.Error
	if err := step(other); !errors.As(err, &closed) || closed.Code != code {
		return fmt.Errorf("%v instead of %d", err, code)
	}
	return nil
}
