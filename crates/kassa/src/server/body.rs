//! A request's body that has to be there in time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// The body, failing once `limit` has passed from now and it is not complete.
pub(super) fn limited(incoming: Incoming, limit: Duration) -> Body {
    if incoming.is_end_stream() {
        return Body::new(incoming);
    }
    Body::new(Limited { incoming, until: Instant::now() + limit, alarm: None })
}

struct Limited {
    incoming: Incoming,
    until: Instant,
    /// Most bodies are here with their header, so the alarm is set at the first wait.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Limited {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let until = self.until;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        alarm.as_mut().poll(context).map(|()| {
            let error = io::Error::new(io::ErrorKind::TimedOut, "the request body did not arrive in time");
            Some(Err(error.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
