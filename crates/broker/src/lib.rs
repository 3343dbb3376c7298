//! A small in-memory AMQP 0-9-1 broker with RabbitMQ's management and metrics endpoints.
