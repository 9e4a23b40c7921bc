from ameide_process.contract import WorkflowKind

KIND = WorkflowKind.ENTITY
