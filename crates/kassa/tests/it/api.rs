//! The JSON API as shops meet it, through the real router over sockets.

mod lenient;
mod mistakes;
