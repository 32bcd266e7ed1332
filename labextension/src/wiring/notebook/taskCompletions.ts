/** Offers ids of tasks while `--after` is typed in a `%%task` cell. */
import type {
  CompletionHandler,
  ICompletionContext,
  ICompletionProvider
} from '@jupyterlab/completer';
import { NotebookPanel } from '@jupyterlab/notebook';
import { completionsAt } from '../../model/notebook/completions';
import type { Completions } from '../../model/notebook/completions';

export class TaskCompletions implements ICompletionProvider {
  constructor(private readonly known: (panel: NotebookPanel) => string[]) {}

  readonly identifier = 'jupyter-flow:tasks';
  readonly rank = 1000;

  isApplicable(context: ICompletionContext): Promise<boolean> {
    const editor = context.editor;
    if (!editor) {
      return Promise.resolve(false);
    }
    const source = editor.model.sharedModel.getSource();
    const offset = editor.getOffsetAt(editor.getCursorPosition());
    return Promise.resolve(this.find(source, offset, context) !== null);
  }

  fetch(
    request: CompletionHandler.IRequest,
    context: ICompletionContext
  ): Promise<CompletionHandler.ICompletionItemsReply> {
    const { start, end, items } = this.find(request.text, request.offset, context) ?? {
      start: request.offset,
      end: request.offset,
      items: []
    };
    return Promise.resolve({ start, end, items: items.map(label => ({ label, type: 'task' })) });
  }

  private find(source: string, offset: number, context: ICompletionContext): Completions | null {
    const panel = context.widget;
    if (!(panel instanceof NotebookPanel)) {
      return null;
    }
    const cells = panel.content.widgets.map(cell => cell.model.sharedModel.getSource());
    return completionsAt(source, offset, cells, this.known(panel));
  }
}
