/** An editor that shows the rows of a log: find, select and copy are the editor's, only what can be seen is drawn. */
import { jupyterTheme } from '@jupyterlab/codemirror';
import { openSearchPanel, search, searchKeymap } from '@codemirror/search';
import {
  Compartment,
  EditorSelection,
  EditorState,
  RangeSetBuilder,
  Text
} from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import {
  Decoration,
  EditorView,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  ViewPlugin
} from '@codemirror/view';
import type { DecorationSet, ViewUpdate } from '@codemirror/view';
import type { LogLine } from '../../client/documents';
import { LogRows, ShownRows } from '../../model/run/logRows';
import type { Level } from '../../model/run/logRows';
import { timeOfDay } from '../../model/shared/format';

export interface LogLook {
  level: Level;
  hasTimes: boolean;
  isWrapped: boolean;
}

/** So near to the end counts as "at the end", in pixels. */
const NEAR_END = 30;
const TONES = ['', '', 'jp-flow-log-warning', 'jp-flow-log-error'];

export class LogEditor {
  /** `onChosen` is given the number of the line that was clicked or found. */
  constructor(
    parent: HTMLElement,
    label: string,
    look: LogLook,
    private readonly onChosen: (seq: number) => void
  ) {
    this.level = look.level;
    this.shown = new ShownRows(this.rows, look.level);
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        extensions: [
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
          highlightSpecialChars(),
          search({ top: true }),
          keymap.of([...searchKeymap, ...this.keys()]),
          jupyterTheme,
          this.colours(),
          this.gutter.of(this.numbers(look.hasTimes)),
          this.wrapping.of(wrapped(look.isWrapped)),
          EditorView.domEventObservers({ scroll: () => this.onScroll() }),
          EditorView.updateListener.of(update => this.onUpdate(update))
        ]
      })
    });
  }

  get count(): number {
    return this.rows.count;
  }

  /** Take in more lines. The end stays in view if it was. */
  add(lines: readonly LogLine[]): void {
    const kept = this.shown.update(this.rows.add(lines));
    this.write(kept);
    if (this.goal !== null) {
      this.goTo(this.goal);
    } else if (this.followsEnd) {
      this.toEnd();
    } else {
      // A log that fits into its room shows its end.
      this.view.requestMeasure({
        read: () => {
          this.followsEnd = this.isAtEnd();
        }
      });
    }
  }

  setLook(look: LogLook): void {
    this.view.dispatch({
      effects: [
        this.gutter.reconfigure(this.numbers(look.hasTimes)),
        this.wrapping.reconfigure(wrapped(look.isWrapped))
      ]
    });
    if (look.level !== this.level) {
      const row = this.chosenRow();
      this.level = look.level;
      this.shown = new ShownRows(this.rows, look.level);
      this.write(0);
      if (row !== null) {
        this.choose(this.shown.lineOf(row));
      }
    }
  }

  /** Show and mark a line of the log, as soon as it is there. */
  goTo(seq: number): void {
    const row = this.rows.rowOf(seq);
    this.goal = row === null ? seq : null;
    if (row !== null) {
      this.choose(this.shown.lineOf(row));
    }
  }

  find(): void {
    openSearchPanel(this.view);
  }

  toTop(): void {
    this.followsEnd = false;
    this.view.dispatch({ effects: EditorView.scrollIntoView(0, { y: 'start' }) });
  }

  toEnd(): void {
    this.followsEnd = true;
    const end = this.view.state.doc.length;
    this.view.dispatch({ effects: EditorView.scrollIntoView(end, { y: 'end' }) });
  }

  /** All that the filter lets through. */
  text(): string {
    return this.view.state.doc.toString();
  }

  destroy(): void {
    this.view.destroy();
  }

  /** Put the lines from `first` on into the editor, in place of those that stand there. */
  private write(first: number): void {
    const { doc } = this.view.state;
    const from = first < doc.lines ? doc.line(first + 1).from : doc.length;
    const insert = Text.of([...this.shown.texts(first), '']);
    this.view.dispatch({ changes: { from, to: doc.length, insert } });
  }

  private choose(line: number): void {
    const { doc } = this.view.state;
    const at = doc.line(Math.min(line + 1, doc.lines)).from;
    this.followsEnd = false;
    this.view.dispatch({
      selection: EditorSelection.cursor(at),
      effects: EditorView.scrollIntoView(at, { y: 'center' })
    });
  }

  /** Whoever scrolls up leaves the end; that it moves away because lines come does not count. */
  private onScroll(): void {
    const { scrollTop } = this.view.scrollDOM;
    this.followsEnd = this.isAtEnd() || (this.followsEnd && scrollTop >= this.lastTop);
    this.lastTop = scrollTop;
  }

  private isAtEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.view.scrollDOM;
    return scrollTop + clientHeight >= scrollHeight - NEAR_END;
  }

  private chosenRow(): number | null {
    if (!this.hasChosen) {
      return null;
    }
    const { doc, selection } = this.view.state;
    const row = this.shown.row(doc.lineAt(selection.main.head).number - 1);
    return this.rows.seq(row) === null ? null : row;
  }

  private onUpdate(update: ViewUpdate): void {
    if (update.selectionSet) {
      const row = this.chosenRow();
      const seq = row === null ? null : this.rows.seq(row);
      if (seq !== null) {
        this.onChosen(seq);
      }
    }
  }

  private keys() {
    const act = (key: string, run: () => void) => ({
      key,
      run: () => {
        run();
        return true;
      }
    });
    return [
      act('Mod-a', () => {
        this.view.dispatch({ selection: { anchor: 0, head: this.view.state.doc.length } });
      }),
      act('Mod-Home', () => this.toTop()),
      act('Mod-End', () => this.toEnd())
    ];
  }

  private numbers(hasTimes: boolean): Extension {
    return lineNumbers({
      formatNumber: line => {
        const row = this.shown.row(line - 1);
        const seq = this.rows.seq(row);
        return seq === null ? '' : hasTimes ? timeOfDay(this.rows.instant(row)) : String(seq);
      },
      domEventHandlers: {
        mousedown: (view, block) => {
          view.focus();
          view.dispatch({ selection: EditorSelection.cursor(block.from) });
          return true;
        }
      }
    });
  }

  private colours(): Extension {
    const draw = (view: EditorView, isChoice: boolean) => {
      this.hasChosen ||= isChoice;
      return this.decorations(view);
    };
    return ViewPlugin.fromClass(
      class {
        constructor(view: EditorView) {
          this.decorations = draw(view, false);
        }
        decorations: DecorationSet;
        update(update: ViewUpdate): void {
          if (update.docChanged || update.viewportChanged || update.selectionSet) {
            this.decorations = draw(update.view, update.selectionSet);
          }
        }
      },
      { decorations: plugin => plugin.decorations }
    );
  }

  private decorations(view: EditorView): DecorationSet {
    const { doc } = view.state;
    const chosen = this.chosenRow();
    const builder = new RangeSetBuilder<Decoration>();
    for (const { from, to } of view.visibleRanges) {
      for (let at = from; at <= to;) {
        const line = doc.lineAt(at);
        const row = this.shown.row(line.number - 1);
        const tone = TONES[this.rows.rank(row)] || (this.rows.isError(row) && 'jp-flow-log-stderr');
        const classes = [tone, row === chosen && 'jp-flow-log-chosen'].filter(Boolean).join(' ');
        if (classes) {
          builder.add(line.from, line.from, Decoration.line({ class: classes }));
        }
        for (const piece of this.rows.pieces(row)) {
          const mark = Decoration.mark({ class: piece.classes });
          builder.add(line.from + piece.from, line.from + piece.to, mark);
        }
        at = line.to + 1;
      }
    }
    return builder.finish();
  }

  private readonly rows = new LogRows();
  private readonly gutter = new Compartment();
  private readonly wrapping = new Compartment();
  private readonly view: EditorView;
  private shown: ShownRows;
  private level: Level;
  private goal: number | null = null;
  private hasChosen = false;
  private followsEnd = false;
  private lastTop = 0;
}

function wrapped(isWrapped: boolean): Extension {
  return isWrapped ? EditorView.lineWrapping : [];
}
