import type { ReactNode } from 'react';
import MarkdownText, { type Components } from 'react-markdown';

/** Nothing is fetched from elsewhere, and a link says where it leads before anybody follows it. */
const SAFE: Components = {
  h1: Heading,
  h2: Heading,
  h3: Heading,
  h4: Heading,
  h5: Heading,
  h6: Heading,
  img: ({ alt, src }) => <span>[an image that is not loaded: {alt || src}]</span>,
  a({ href, children }) {
    const target = readWebAddress(href);
    if (!target) return <span>{children}</span>;
    return (
      <a href={target.href} target="_blank" rel="noopener noreferrer nofollow" title={target.href}>
        {children} ({target.host})
      </a>
    );
  },
};

// HTML in the text is shown as text: there is no plugin here that would make elements of it.
export function Rendered({ text }: { text: string }) {
  return <MarkdownText components={SAFE}>{text}</MarkdownText>;
}

/** The headings of a text are none of the page: they would stand in its outline. */
function Heading({ children }: { children?: ReactNode }) {
  return (
    <p>
      <strong>{children}</strong>
    </p>
  );
}

function readWebAddress(href: string | undefined): URL | null {
  if (href === undefined || !URL.canParse(href)) return null;
  const url = new URL(href);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : null;
}
