"""Pictures without a browser: charts as inline SVG, the same for the demo's report, web pages and files.

A chart over time with several series, bands and marks::

    from shiftline.pictures.strokes import Band, Layer, Shape
    from shiftline.pictures.style import stylesheet
    from shiftline.pictures.time_chart import Column, Level, Line, Mark, TimeChart

    chart = TimeChart(
        key="pbx",                                     # unique in the page
        title="Requests per second, trunk pbx",        # for a screen reader, as is the description
        description="At most 49 requests in a second, 3 refused.",
        label="Requests per second",
        seconds=600,
        bands=[Band(0, 40, "climbing"), Band(40, 600, "holding")],
        columns=[
            Column(start=0, end=5, layers=(Layer(44, "passed"), Layer(1, "refused", "refused")), words="45"),
        ],
        lines=[Line(points=[(0, 10.0), (5, 20.0), (10, None), (15, 45.0)], css="pace", name="learned rate")],
        levels=[Level(value=50, name="hidden limit: 50 a second")],
        marks=[Mark(at=40, value=45, shape=Shape.TRIANGLE, css="throttle", words="403, throttle")],
    )
    chart.markup()      # an element for a template; put stylesheet() into the page's <style>
    chart.document()    # an SVG file with its own stylesheet

Classes that the stylesheet knows: layers ``passed``, ``call``, ``refused``; lines ``pace`` and ``series1`` to
``series6`` (told apart by their dashes too); levels ``limit``; marks by the refusal classes of the governor
(``throttle``, ``ban``, ``policy``, ``capacity``, ``user-bound``, ``credentials``, ``unreachable``,
``undecided``). `shiftline.pictures.drawing` has what they are made of, for charts of another kind.

Nothing here reads a clock, a file of yours or a name: it draws what it is given, and escapes all words.
"""
