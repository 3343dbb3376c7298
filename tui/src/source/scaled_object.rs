//! The ScaledObject behind an HPA of KEDA.

use std::time::Duration;

use kube::Client;
use observed::Hpa;
use observed::scaled_object::ScaledObject;
use tokio::sync::watch;

use super::event_sender::EventSender;
use dashboard::message::Event;

/// Interval of the reads: KEDA writes the status about as often.
const PERIOD: Duration = Duration::from_secs(5);

/// Reads the ScaledObject of the HPA, and passes it to the model and to `latest`.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    mut hpa: watch::Receiver<Option<Hpa>>,
    outbox: EventSender,
    latest: watch::Sender<Option<ScaledObject>>,
) {
    loop {
        let name = match hpa.wait_for(|hpa| made_from(hpa.as_ref()).is_some()).await {
            Ok(hpa) => made_from(hpa.as_ref()).map(str::to_owned).unwrap_or_default(),
            Err(_ended) => return,
        };
        let object = match cluster::scaled_object::read(&client, &namespace, &name).await {
            Ok(object) => Some(object),
            Err(failure) => {
                tracing::info!(?failure, "no ScaledObject");
                None
            }
        };
        let is_news = latest.send_if_modified(|known| {
            let differs = *known != object;
            known.clone_from(&object);
            differs
        });
        if is_news {
            outbox.send(Event::ScaledObject(object.map(Box::new))).await;
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn made_from(hpa: Option<&Hpa>) -> Option<&str> {
    hpa.and_then(|hpa| hpa.scaled_object.as_deref())
}
