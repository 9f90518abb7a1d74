select
    file,
    state,
    loaded_at
from raw.archive_file
