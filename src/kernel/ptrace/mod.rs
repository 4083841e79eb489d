//! Tracing: the requests of a tracer, the stops of a traced task, and its registers as the tracer
//! sees them.

mod request;
mod rules;
mod stop;
mod user_area;
