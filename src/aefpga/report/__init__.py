"""The page of a run: what its folder holds, as one HTML file to read and to send.

`findings` reads the folder, `run_page` and `comparison` say what goes on the page, in the `blocks`
and `figures` of which every page is made, and `render` writes HTML. Nothing is computed anew.
"""
