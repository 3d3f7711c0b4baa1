package org.djlflash.cuda.launch;

import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Turns a result of the driver into an exception. Stateless. */
final class CudaCall {

    private CudaCall() {}

    /**
     * Checks a result.
     *
     * @param call the name of the driver's function
     * @param code what it returned
     * @param context what is being done; its text is only made when the call failed
     * @throws CudaException if the call failed
     */
    static void check(String call, int code, Object context) {
        if (code != CUresult.CUDA_SUCCESS) {
            String[] text = {"no text"};
            JCudaDriver.cuGetErrorString(code, text);
            throw new CudaException(
                    call, code, CUresult.stringFor(code), text[0], String.valueOf(context));
        }
    }
}
