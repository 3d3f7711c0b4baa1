/**
 * Blocks on the attention operator that replace DJL's own: same builders, inputs, masks, outputs
 * and {@code .params} files, without the scores in memory.
 *
 * <p>Parameters of {@code ai.djl.nn.transformer} load into the block of the same name here, and
 * back, with what DJL has for it:
 *
 * <pre>{@code
 * // All of a model: the block comes first, so that it reads the file.
 * try (Model model = Model.newInstance("bert")) {
 *     model.setBlock(FlashBertBlock.builder().base().setTokenDictionarySize(30522).build());
 *     model.load(Paths.get("folder/with/bert-0000.params"), "bert");
 * }
 *
 * // One block's part of a file that the other block's saveParameters wrote.
 * block.loadParameters(manager, new DataInputStream(stream));
 * }</pre>
 *
 * <p>A file whose parameters have other shapes or types than the block was built for is refused
 * with {@code MalformedModelException}, which DJL's blocks do not do; a head count cannot be seen
 * in a file. Parameters are always FLOAT32, as those of DJL's attention are.
 *
 * <p>Where DJL's blocks do what is probably not wanted, these do it too, so that trained parameters
 * keep their meaning; an option of the builder chooses the other way.
 *
 * @see ai.djl.nn.transformer.ScaledDotProductAttentionBlock
 * @see ai.djl.nn.transformer.TransformerEncoderBlock
 * @see ai.djl.nn.transformer.BertBlock
 */
package org.djlflash.nn;
