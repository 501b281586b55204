/** What a person sees where signing in cannot go on, and no application can be told. */

export function errorPage(error: string, description: string | undefined): string {
  const text = description ?? 'Go back to the application and try again.';
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>This did not work</title></head>
<body><main><h1>This did not work</h1><p>${escaped(text)}</p><p>Error: <code>${escaped(error)}</code></p></main></body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
