"""Virtual writers: words and lines drawn as pen strokes, and the sample archive made of them."""
