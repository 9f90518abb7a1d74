-- New metadata from $since on says which pairs traded then, and for the hour before what of the first one is known.
update meta.coin_listing
set is_open = true
where not is_open and listed_at >= $since::timestamp - interval 1 hour
