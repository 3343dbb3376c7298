//! Cases for any broker: `it.rs` runs them with this crate's broker, `rabbitmq.rs` with RabbitMQ. A case that only one of
//! them passes is a difference and belongs in the README.

#![expect(clippy::unwrap_used, reason = "a failed step fails the case")]

pub(crate) mod alarms;
pub(crate) mod client;
pub(crate) mod consuming;
pub(crate) mod dead_letters;
pub(crate) mod errors;
pub(crate) mod frames;
pub(crate) mod handshake;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod management;
pub(crate) mod publishing;
pub(crate) mod queues;
pub(crate) mod raw;
pub(crate) mod settling;

use std::net::SocketAddr;
use std::pin::Pin;

/// A broker under test.
pub(crate) struct BrokerUnderTest {
    pub(crate) amqp: SocketAddr,
    pub(crate) management: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) operator: Box<dyn Operator>,
}

/// Operations on a broker outside of the protocol.
pub(crate) trait Operator: Send + Sync {
    fn set_policy(&self, name: &str, pattern: &str, definition: &serde_json::Value);
    fn clear_policy(&self, name: &str);
    /// Raises or clears an alarm that blocks publishing.
    fn alarm(&self, raised: bool);
    fn disconnect_all(&self, reason: &str);
}

/// A case with its name.
#[allow(dead_code, reason = "only the run with RabbitMQ needs a list")]
pub(crate) type Case =
    (&'static str, for<'a> fn(&'a BrokerUnderTest) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>);

/// Calls a macro with the names of all cases.
macro_rules! for_all_cases {
    ($run:ident) => {
        $run! {
            handshake: [
                another_protocol_gets_the_supported_header,
                plain_and_amqplain_log_in,
                a_wrong_password_is_reported_if_supported,
                a_wrong_password_closes_the_socket_otherwise,
                an_unknown_virtual_host_is_rejected,
                tune_offers_rabbitmqs_defaults,
                channels_are_limited,
                heartbeats_are_sent_and_expected,
                a_close_is_answered,
            ],
            frames: [
                a_frame_without_its_end_is_an_error,
                an_unknown_frame_type_is_an_error,
                a_frame_over_frame_max_is_an_error,
                content_without_a_method_is_unexpected,
                a_method_instead_of_content_is_unexpected,
                a_channel_must_be_opened_once,
                a_server_method_is_rejected,
                frames_may_arrive_in_parts,
                a_body_may_have_many_frames,
                other_channels_survive_a_channel_error,
                a_closed_channel_can_be_reopened,
            ],
            queues: [
                declare_returns_counts,
                redeclaration_must_be_equivalent,
                arguments_are_validated,
                passive_declare_finds_or_fails,
                an_empty_name_is_generated_or_the_last,
                reserved_names_are_rejected,
                delete_has_conditions,
                purge_empties,
                exclusive_queues_belong_to_a_connection,
                auto_delete_follows_the_last_consumer,
                quorum_queues_are_accepted,
            ],
            publishing: [
                every_message_is_confirmed,
                a_return_precedes_its_ack,
                properties_and_body_arrive_unchanged,
                empty_and_large_bodies_arrive,
                many_tasks_share_a_channel,
                several_connections_publish_at_once,
            ],
            consuming: [
                messages_are_delivered_in_order,
                prefetch_limits_each_consumer,
                global_prefetch_limits_the_channel,
                consumers_take_turns,
                no_ack_needs_no_ack,
                exclusive_consumers_exclude_others,
                consumer_tags_are_generated_and_unique,
                cancel_stops_deliveries,
                a_deleted_queue_cancels_its_consumers,
                get_fetches_one,
            ],
            settling: [
                multiple_acks_all_before,
                unknown_tags_are_rejected,
                reject_drops_or_requeues,
                nack_requeues_in_order,
                a_lost_channel_requeues_in_order,
                a_lost_connection_requeues_in_order,
                recover_redelivers,
            ],
            limits: [
                reject_publish_nacks,
                drop_head_drops_the_oldest,
                bytes_are_limited_too,
                policies_limit_existing_queues,
                messages_expire,
            ],
            dead_letters: [
                rejected_messages_are_dead_lettered,
                dropped_and_expired_messages_are_dead_lettered,
                dead_letter_cycles_are_dropped,
                the_delivery_limit_ends_redelivery,
                quorum_queues_count_deliveries,
            ],
            errors: [
                unknown_exchanges_are_errors,
                the_default_exchange_is_protected,
                unsupported_methods_are_rejected,
                invalid_properties_are_rejected,
                operators_close_connections_with_a_reason,
            ],
            http: [
                queue_totals_are_exact,
                a_single_queue_is_returned,
                management_requires_a_password,
                unknown_objects_are_not_found,
                detailed_metrics_have_the_requested_families,
                per_object_metrics_name_queues,
            ],
            management: [
                queues_are_declared_and_deleted,
                lists_have_pages,
                messages_are_published_and_read,
                read_messages_may_become_dead_letters,
                exchanges_and_bindings_are_managed,
                clients_are_listed_and_closed,
                the_node_is_described,
            ],
            alarms: [
                an_alarm_blocks_publishers,
                an_alarm_does_not_block_consumers,
            ],
        }
    };
}
pub(crate) use for_all_cases;
