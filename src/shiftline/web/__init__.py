"""What a browser sees. It reads the books and nothing else: no page waits for a trunk or the WFM."""
