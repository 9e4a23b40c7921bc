"""protoc plugin: from an annotated `.proto` to a typed Temporal process in Python.

`parse` reads descriptors into declarations (what the files say, and where), `validate` judges them by the rules of
the contract and resolves them into the model, `render` turns the model into files. Each stage sees only what the
stage before it made: no descriptor passes `parse`, no source position and no unset option passes `validate`.
"""
