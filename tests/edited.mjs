// Node's side of a repair: `EDITS='[{"file": …, "old": …, "new": …}]' node --import ./edited.mjs PROGRAM` runs a program
// whose modules are edited as they are loaded; their files stay as they are.

import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const edits = JSON.parse(process.env.EDITS);

export async function load(url, context, nextLoad) {
    const loaded = await nextLoad(url, context);
    const here = edits.filter(each => url.endsWith(each.file));
    if (here.length === 0) return loaded;
    let source = loaded.source.toString();
    for (const { file, old, new: replacement } of here) {
        const parts = source.split(old);
        if (parts.length !== 2) throw new Error(`${JSON.stringify(old)} stands ${parts.length - 1} times in ${file}`);
        source = parts.join(replacement);
    }
    return { ...loaded, source };
}

if (isMainThread) register(import.meta.url);
