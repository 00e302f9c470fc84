"""Acting on a wrap's parts without the link or the button. Also imported on MicroPython."""


def between_steps(app):
    """Leave the fast path, as every request and every trip does before it changes the session.
    Returns the app."""
    app.fast_step.exit_fast_path()
    return app
