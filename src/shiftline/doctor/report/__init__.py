"""The doctor's report: one HTML page with all in it, and a bundle for a carrier's ticket.

`material.Material` is what a report tells, whoever gathered it: `shiftline doctor read` or `run`.
`page.render` makes the page of it, `bundle.write_bundle` the zip file.
"""
