import { search, searchKeymap } from '@codemirror/search';
import {
  getChunks,
  goToNextChunk,
  goToPreviousChunk,
  MergeView,
  unifiedMergeView
} from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { EditorView, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view';
import { jupyterTheme } from '@jupyterlab/codemirror';
import { useEffect, useRef, useState } from 'react';
import { useTrans } from '../shared/hooks';
import { useRendering } from '../run/rendering';

interface Props {
  /** Whose ending says the language. */
  file: string;
  source: string;
  /** What it is compared with, null for nothing. */
  before: string | null;
  /** Both texts in one column instead of side by side. */
  isUnified: boolean;
  label: string;
  labelBefore: string;
  /** Only the text, as high as it is: without the bar that counts the changes. */
  isBare?: boolean;
}

const COLLAPSE = { margin: 3, minSize: 6 };
const CHANGE_KEYS = [
  { key: 'F7', run: goToNextChunk },
  { key: 'Shift-F7', run: goToPreviousChunk }
];

/** Source code to read, or what changed in it: Lab's editor, read-only, with find and F7 from change to change. */
export function SourceView(props: Props): JSX.Element {
  const { file, source, before, isUnified, label, labelBefore, isBare } = props;
  const trans = useTrans();
  const room = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | null>(null);
  const [changes, setChanges] = useState<number | null>(null);
  const language = useLanguage(file);
  useEffect(() => {
    const parent = room.current;
    if (parent === null || language === null) {
      return;
    }
    const numbers = isBare ? [] : lineNumbers();
    const shared = [reading(label), numbers, language];
    const isMerged = before !== null && !isUnified;
    let view: EditorView | MergeView;
    if (isMerged) {
      view = new MergeView({
        parent,
        a: { doc: before, extensions: [reading(labelBefore), numbers, language] },
        b: { doc: source, extensions: shared },
        collapseUnchanged: COLLAPSE,
        gutter: true
      });
      editor.current = view.b;
    } else {
      const merged: Extension =
        before === null
          ? []
          : unifiedMergeView({
              original: before,
              mergeControls: false,
              collapseUnchanged: COLLAPSE,
              gutter: true
            });
      view = new EditorView({ parent, doc: source, extensions: [shared, merged] });
      editor.current = view;
    }
    setChanges(before === null ? null : (getChunks(editor.current.state)?.chunks.length ?? 0));
    return () => {
      view.destroy();
      editor.current = null;
    };
  }, [language, source, before, isUnified, isBare, label, labelBefore]);
  const go = (step: typeof goToNextChunk) => {
    if (editor.current) {
      step(editor.current);
      editor.current.focus();
    }
  };
  return (
    <div className="jp-flow-source">
      {changes === null || isBare ? null : (
        <div className="jp-flow-source-head">
          <span role="status" data-changes={changes}>
            {changes === 0
              ? trans.__('This file is the same in both.')
              : trans._n('%1 change', '%1 changes', changes, String(changes))}
          </span>
          {changes > 0 ? (
            <>
              <button
                className="jp-flow-button"
                title={trans.__('Previous change (Shift+F7)')}
                aria-label={trans.__('Previous change')}
                onClick={() => go(goToPreviousChunk)}
              >
                ↑
              </button>
              <button
                className="jp-flow-button"
                title={trans.__('Next change (F7)')}
                aria-label={trans.__('Next change')}
                onClick={() => go(goToNextChunk)}
              >
                ↓
              </button>
            </>
          ) : null}
        </div>
      )}
      <div
        className="jp-flow-source-room"
        ref={room}
        data-is-compared={before !== null}
        data-is-unified={isUnified}
      />
    </div>
  );
}

function reading(label: string): Extension {
  return [
    EditorState.readOnly.of(true),
    EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
    EditorView.editable.of(false),
    highlightSpecialChars(),
    search({ top: true }),
    keymap.of([...CHANGE_KEYS, ...searchKeymap]),
    jupyterTheme
  ];
}

/** The colours of a file's language once they are loaded; null until then. */
function useLanguage(file: string): Extension | null {
  const languages = useRendering()?.languages ?? null;
  const ending = file.slice(file.lastIndexOf('.'));
  const [loaded, setLoaded] = useState<{ ending: string; language: Extension } | null>(null);
  useEffect(() => {
    let isWanted = true;
    const keep = (language: Extension) => {
      if (isWanted) {
        setLoaded({ ending, language });
      }
    };
    const found = languages?.findByFileName(`file${ending}`) ?? null;
    if (languages === null || found === null) {
      keep([]);
      return;
    }
    languages.getLanguage(found.name).then(
      language => keep(language?.support ?? []),
      () => keep([])
    );
    return () => {
      isWanted = false;
    };
  }, [languages, ending]);
  return loaded?.ending === ending ? loaded.language : null;
}
