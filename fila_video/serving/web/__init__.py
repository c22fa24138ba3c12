"""The web page. These files need public packages only, so that a Hugging Face Space can run them alone.

Reading order:

    run_page         starts everything
    page               what a visitor sees, and what happens on a click
    conversation         what the server keeps for a visitor
    video_checks         which videos are accepted
    subtitle_checks      which subtitles are accepted
    answering            the model is asked, and its answer streamed
    scene_strip          the scenes under the player
    failures             what a visitor reads when something fails
    guard              stands in front of Gradio: which requests pass
    visitors             tells browsers apart, and what belongs to which
"""
