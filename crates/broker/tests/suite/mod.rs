//! What a broker must do, as functions over a broker's address: `ours.rs` runs them against this crate's broker,
//! `rabbitmq.rs` against the real one. A case that only one of them passes is a difference and belongs in the README.

#![expect(clippy::unwrap_used, reason = "a case that cannot go on fails")]

pub(crate) mod alarms;
pub(crate) mod client;
pub(crate) mod consuming;
pub(crate) mod dead_letters;
pub(crate) mod errors;
pub(crate) mod frames;
pub(crate) mod handshake;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod publishing;
pub(crate) mod queues;
pub(crate) mod raw;
pub(crate) mod settling;

use std::net::SocketAddr;
use std::pin::Pin;

/// A broker under test.
pub(crate) struct Under {
    pub(crate) amqp: SocketAddr,
    pub(crate) management: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) operator: Box<dyn Operator>,
}

/// What an operator can do to a broker from outside of the protocol.
pub(crate) trait Operator: Send + Sync {
    fn set_policy(&self, name: &str, pattern: &str, definition: &serde_json::Value);
    fn clear_policy(&self, name: &str);
    /// Raises or clears an alarm that blocks publishing.
    fn alarm(&self, raised: bool);
    fn disconnect_all(&self, reason: &str);
}

/// A case with its name.
#[allow(dead_code, reason = "only the run against RabbitMQ needs a list")]
pub(crate) type Case = (&'static str, for<'a> fn(&'a Under) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>);

/// Calls a macro with the names of all cases.
macro_rules! for_all_cases {
    ($run:ident) => {
        $run! {
            handshake: [
                another_protocol_is_answered_with_ours,
                plain_and_amqplain_log_in,
                a_wrong_password_is_told_to_who_understands,
                a_wrong_password_closes_for_who_does_not,
                an_unknown_virtual_host_is_refused,
                the_sizes_of_rabbitmq_are_offered,
                channels_are_bounded,
                heartbeats_come_and_are_missed,
                a_close_is_answered,
            ],
            frames: [
                a_frame_without_its_end_is_an_error,
                an_unknown_frame_type_is_an_error,
                a_frame_beyond_frame_max_is_an_error,
                content_without_a_method_is_unexpected,
                a_method_instead_of_content_is_unexpected,
                a_channel_must_be_opened_once,
                a_servers_method_is_refused,
                frames_may_come_in_pieces,
                a_body_may_come_in_many_frames,
                other_channels_survive_a_channel_error,
                a_closed_channel_may_be_opened_again,
            ],
            queues: [
                declare_tells_counts,
                declare_again_must_say_the_same,
                arguments_are_checked,
                passive_declare_finds_or_fails,
                an_empty_name_is_made_or_the_last,
                reserved_names_are_refused,
                delete_has_conditions,
                purge_empties,
                exclusive_queues_belong_to_a_connection,
                auto_delete_follows_the_last_consumer,
                quorum_queues_are_accepted,
            ],
            publishing: [
                confirms_come_for_every_message,
                unroutable_mandatory_messages_come_back_before_the_ack,
                properties_and_body_arrive_unchanged,
                empty_and_large_bodies_arrive,
                many_tasks_share_a_channel,
                several_connections_publish_at_once,
            ],
            consuming: [
                messages_come_in_order,
                prefetch_bounds_each_consumer,
                global_prefetch_bounds_the_channel,
                consumers_take_turns,
                no_ack_needs_no_ack,
                exclusive_consumers_are_alone,
                consumer_tags_are_made_and_unique,
                cancel_stops_deliveries,
                a_deleted_queue_cancels_its_consumers,
                get_fetches_one,
            ],
            settling: [
                multiple_acks_all_before,
                unknown_tags_are_refused,
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
                policies_limit_queues_that_are_there,
                messages_expire,
            ],
            dead_letters: [
                rejected_messages_go_with_their_history,
                displaced_and_expired_messages_go,
                without_rejection_nothing_goes_round,
                a_delivery_limit_ends_redelivery,
                redelivered_messages_of_quorum_queues_are_counted,
            ],
            errors: [
                exchanges_that_are_not_there,
                the_default_exchange_is_not_to_be_touched,
                what_is_not_offered_is_refused,
                bad_properties_are_refused,
                operators_disconnect_with_a_reason,
            ],
            http: [
                queue_totals_are_exact,
                single_queues_are_told,
                management_wants_a_password,
                what_is_not_there_is_not_found,
                detailed_metrics_have_the_families_asked_for,
                per_object_metrics_name_queues,
            ],
            alarms: [
                an_alarm_blocks_who_publishes,
                consumers_go_on_under_an_alarm,
            ],
        }
    };
}
pub(crate) use for_all_cases;
