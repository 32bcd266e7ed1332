/** What is wrong with the DAG file that is open in an editor. */
import type { FlowApi } from '../../client/api';
import type { FlowEvent, ImportProblem } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

export class FileProblems extends ListeningModel {
  constructor(
    stream: EventStream,
    api: FlowApi,
    /** Whether an absolute path of the server is the open file. */
    private readonly isOpen: (path: string) => boolean
  ) {
    super(stream);
    this.problems = this.own(new Resource<ImportProblem[]>(() => api.importErrors()));
  }

  get list(): ImportProblem[] {
    return (this.problems.value ?? []).filter(problem =>
      this.isOpen(`${problem.folder}/${problem.file}`)
    );
  }

  protected onEvent(event: FlowEvent): void {
    if (event.kind === 'import_errors_changed') {
      this.problems.touch();
    }
  }

  private readonly problems: Resource<ImportProblem[]>;
}
