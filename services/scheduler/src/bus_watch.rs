//! While the bus is away no clock runs against anybody; at its return each gets a fresh start.

use crate::inbox::Inbox;
use tokio::sync::watch;
use ukai_boot::Shutdown;
use ukai_bus::BusStatus;
use ukai_domain::scheduler::Input;

/// Tells the core of the bus from the beginning of an epoch to its end.
pub(crate) async fn run(mut status: watch::Receiver<BusStatus>, inbox: Inbox, leading: Shutdown) {
    // What an earlier epoch told last may still be in the queue: the first word is told in any case.
    let mut told: Option<BusStatus> = None;
    loop {
        let now = *status.borrow_and_update();
        let is_news = told.is_none_or(|t| (t.is_connected, t.connects) != (now.is_connected, now.connects));
        if is_news {
            let input = if now.is_connected { Input::Resync } else { Input::BusLost };
            tokio::select! {
                () = leading.stopping() => return,
                () = inbox.tell(input) => told = Some(now),
            }
        }
        tokio::select! {
            () = leading.stopping() => return,
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}
