package org.djlflash.nn;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.util.Pair;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;

/** A block whose parameters are FLOAT32 and of shapes that were fixed when it was built. */
abstract class Float32Block extends AbstractBlock {

    private static final byte VERSION = 1;

    Float32Block() {
        super(VERSION);
    }

    /** Returns the shapes of all parameters, in the order of {@link #getParameters()}. */
    abstract List<Shape> parameterShapes();

    /**
     * {@inheritDoc}
     *
     * <p>All parameters become FLOAT32, whatever type is asked for.
     */
    @Override
    public void initialize(NDManager manager, DataType dataType, Shape... inputShapes) {
        super.initialize(manager, DataType.FLOAT32, inputShapes);
    }

    /**
     * {@inheritDoc}
     *
     * <p>If it fails, the block is as before.
     *
     * @throws MalformedModelException if the data is not of such a block, or of one with parameters
     *     of other shapes or types
     */
    @Override
    public void loadParameters(NDManager manager, DataInputStream is)
            throws IOException, MalformedModelException {
        LoadRollback rollback = new LoadRollback(this);
        try {
            read(manager, is);
            checkParameters();
        } catch (IOException | MalformedModelException e) {
            rollback.run();
            throw e;
        } catch (RuntimeException e) {
            // What DJL's readers throw at data that they were not made for.
            rollback.run();
            throw new MalformedModelException(
                    "the data is not of a " + getClass().getSimpleName() + " built like this", e);
        }
    }

    /** Names inputs known from a file alone, too, so that what was loaded can be saved. */
    @Override
    protected void readInputShapes(DataInputStream is) throws IOException {
        super.readInputShapes(is);
        beforeInitialize(inputShapes);
    }

    Runnable inputRollback() {
        Shape[] shapes = inputShapes;
        List<String> names = inputNames;
        return () -> {
            inputShapes = shapes;
            inputNames = names;
        };
    }

    /** Reads without checking, so that the outermost block's check names parameters in full. */
    private void read(NDManager manager, DataInputStream is)
            throws IOException, MalformedModelException {
        loadMetadata(is.readByte(), is);
        for (Parameter parameter : getDirectParameters().values()) {
            parameter.load(manager, is);
        }
        for (Block child : getChildren().values()) {
            if (child instanceof Float32Block) {
                ((Float32Block) child).read(manager, is);
            } else {
                child.loadParameters(manager, is);
            }
        }
    }

    private void checkParameters() throws MalformedModelException {
        Iterator<Shape> shapes = parameterShapes().iterator();
        for (Pair<String, Parameter> named : getParameters()) {
            Shape shape = shapes.next();
            if (!named.getValue().isInitialized()) {
                continue;
            }
            NDArray array = named.getValue().getArray();
            if (array.getDataType() != DataType.FLOAT32 || !array.getShape().equals(shape)) {
                throw new MalformedModelException(
                        "parameter "
                                + named.getKey()
                                + " is "
                                + array.getDataType()
                                + " "
                                + array.getShape()
                                + ", allowed is "
                                + DataType.FLOAT32
                                + " "
                                + shape);
            }
        }
    }
}
