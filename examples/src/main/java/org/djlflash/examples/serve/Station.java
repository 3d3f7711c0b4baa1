package org.djlflash.examples.serve;

import java.util.Map;

/**
 * A model and what waits for it.
 *
 * @param model the model
 * @param queue the queue
 * @param <M> the kind of model
 * @param <J> the kind of job
 */
record Station<M extends ServedModel, J extends Job>(M model, JobQueue<J> queue) {

    /**
     * Finds the station of a model.
     *
     * @param stations all of one kind, by name
     * @param name the name
     * @throws ApiException if there is none
     */
    static <S extends Station<?, ?>> S find(Map<String, S> stations, String name) {
        S station = stations.get(name);
        if (station == null) {
            throw ApiException.unknownModel(name, stations.keySet());
        }
        return station;
    }
}
