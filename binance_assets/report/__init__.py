"""The findings of a day as a page that people read: computed from the published export, never written by hand."""
