-- The rows of a sealed day. Those of raw.ticker_price are in core.price_history, as decimals.
delete from raw.ticker_price
where retrieved_at >= $since and retrieved_at < $until;

delete from open.capture
where received_at >= $since and received_at < $until and not is_metadata(endpoint);

delete from open.quarantine
where retrieved_at >= $since and retrieved_at < $until;

delete from open.missed_sample
where due_at >= $since and due_at < $until;

delete from open.price_history
where observed_at >= $since and observed_at < $until;

delete from open.price_without_metadata
where observed_at >= $since and observed_at < $until;

delete from open.fact_price_minute
where minute_utc >= $since and minute_utc < $until;

delete from open.fact_price_hour
where hour_utc >= $since and hour_utc < $until;
