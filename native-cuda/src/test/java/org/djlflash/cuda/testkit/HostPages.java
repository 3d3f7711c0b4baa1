package org.djlflash.cuda.testkit;

import java.util.Arrays;
import org.djlflash.cuda.plan.AttentionProblem;
import org.djlflash.cuda.plan.AttentionShape;

/**
 * The keys of a case in pages, those of neighbouring keys far from each other. Numbers of pages
 * that no row uses name none or another row's. Immutable.
 */
final class HostPages {

    private static final int[] UNUSED = {2_147_480_000, -1, 0};

    private final AttentionProblem problem;
    private final AttentionShape shape;
    private final int perRow;
    private final int[] used;
    private final int[] table;

    HostPages(AttentionCase attention) {
        problem = attention.problem();
        shape = problem.shape();
        perRow = problem.cache().pagesPerRow(shape.keys());
        used = new int[shape.batch()];
        table = new int[shape.batch() * perRow];
        Arrays.setAll(table, i -> UNUSED[i % UNUSED.length]);
        int next = problem.cache().pages();
        for (int b = 0; b < shape.batch(); b++) {
            int length = attention.lengths() == null ? shape.keys() : attention.lengths()[b];
            used[b] = problem.cache().pagesPerRow(length);
            for (int i = 0; i < used[b]; i++) {
                table[b * perRow + i] = --next;
            }
        }
    }

    /** Returns the table, [B, pages of a row]. */
    int[] table() {
        return table.clone();
    }

    /** Copies rows [B, heads, F, size] to pages [pages, heads, keys of a page, size]. */
    HostTensor scatter(HostTensor rows) {
        int size = problem.cache().pageKeys();
        HostTensor pages =
                new HostTensor(
                        problem.element(),
                        true,
                        problem.cache().pages(),
                        shape.keyHeads(),
                        size,
                        shape.headSize());
        for (int b = 0; b < shape.batch(); b++) {
            for (int key = 0; key < Math.min(shape.keys(), used[b] * size); key++) {
                copy(rows, b, key, pages, table[b * perRow + key / size], key % size);
            }
        }
        return pages;
    }

    private void copy(HostTensor rows, int b, int key, HostTensor pages, int page, int row) {
        for (int h = 0; h < shape.keyHeads(); h++) {
            for (int c = 0; c < shape.headSize(); c++) {
                pages.set(page, h, row, c, rows.get(b, h, key, c));
            }
        }
    }
}
