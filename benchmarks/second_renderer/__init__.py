"""Our stages in another renderer: do they open with all they need, look as here, and measure the same?"""
