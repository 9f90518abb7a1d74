insert into open.price_history by name
from stored_price
