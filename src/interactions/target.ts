/** What the path of a request points at: made by the router, taken by interactions. */
export interface TypeTarget {
  readonly type: string;
}

export interface InstanceTarget extends TypeTarget {
  readonly id: string;
}

export interface VersionTarget extends InstanceTarget {
  readonly versionId: string;
}

/** Where a search looks: everywhere, in one type, in a compartment (`Patient/1/*` has no type). */
export interface SearchTarget {
  readonly type?: string;
  readonly compartment?: { readonly name: string; readonly id: string };
}

/** Whom an operation is called on: the system, a type, an instance. */
export interface OperationTarget {
  /** Without the `$`. */
  readonly operation: string;
  readonly type?: string;
  readonly id?: string;
}

/** Whose history: everything's, a type's, an instance's. */
export interface HistoryTarget {
  readonly type?: string;
  readonly id?: string;
}

/** A job that was begun by some operation, or one of its files. */
export interface JobTarget {
  readonly job: string;
  readonly file?: string;
}
