-- Traces of OpenTelemetry reach from the proposer to the model call.
alter table ops_proposals add column traceparent text;
comment on column ops_proposals.traceparent is 'Where in a trace it was proposed (W3C Trace Context): what is done for it belongs to that trace.';
