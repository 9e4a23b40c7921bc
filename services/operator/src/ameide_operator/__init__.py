"""The operator of Process resources: deploys worker and ingress of a process, and says what is wrong with them."""
