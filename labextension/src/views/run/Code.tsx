import { useEffect, useRef } from 'react';
import { useRendering } from './rendering';

/** Source code in the colours of Lab's editor. */
export function Code({ source, language }: { source: string; language: string }): JSX.Element {
  const place = useRef<HTMLElement>(null);
  const languages = useRendering()?.languages ?? null;
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return;
    }
    element.textContent = source;
    if (languages === null) {
      return;
    }
    let isCurrent = true;
    const coloured = document.createElement('code');
    const found = languages.findByName(language) ?? languages.findByMIME(`text/x-${language}`);
    void languages.highlight(source, found, coloured).then(
      () => {
        if (isCurrent) {
          element.replaceChildren(...coloured.childNodes);
        }
      },
      () => undefined // it stays as plain text
    );
    return () => {
      isCurrent = false;
    };
  }, [source, language, languages]);
  return (
    <pre className="jp-flow-code">
      <code ref={place} />
    </pre>
  );
}
